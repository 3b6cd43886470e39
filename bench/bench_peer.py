#!/usr/bin/env python3
"""The engine against the peer (RelBench's baseline in PyTorch), both on the same batch files, in turns: what `make bench-peer` runs.

    bench/bench_peer.py --build build/release --peer build/peer-venv/bin/python [WORK...]

A work is a data set, a batch size and a model. Per work and precision the engine, the peer as published and the peer with --dedup (the
same mathematics with less work) run one warm-up step and 3 passes each in turns, pinned to one CPU; a step is all from reading the
batch file to Adam. Writes build/bench/peer.json (rows of works that were not asked for stay) and prints a table.
"""
import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from turns import BUSY, Side, cpu_value, cpus, kernel_flags, take_turns

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build/bench"
STYPES = {"integer": "numerical", "float": "numerical", "category": "categorical", "datetime": "timestamp"}
PASSES = 3
# Batches of links are large enough that glibc gives each of their matrices back to the system, and gets it again as new pages: half the time
# of a step. The tuned peer keeps its memory.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**34)}


@dataclass
class Work:
    spec: Path
    batch: int
    blocks: int
    # (least, aim): fp32 over the published peer's fp32, and over --dedup; bf16 over the published peer's fp32, and over --dedup --bf16
    fp32: tuple
    bf16: tuple
    negatives: int = 0  # a seed, in link_prediction

    @property
    def folder(self):
        data = "f1" if "f1" in str(self.spec) else "hm"
        return OUT / "batches" / (f"{data}-link-{self.batch}-{self.negatives}" if self.negatives else f"{data}-{self.batch}")

    @property
    def aggr(self):
        return "sum" if self.batch == 512 else "mean"

    @property
    def lr(self):
        return 0.005 if self.batch == 512 else 0.001

    @property
    def steps(self):
        return 1 if self.negatives else 2 if self.batch == 512 else 5


F1, HM, HM_LINKS = ROOT / "examples/f1/driver-position.yaml", ROOT / "build/hm-0.1/churn.yaml", ROOT / "build/hm-0.1/purchases.yaml"
WORKS = {
    "f1-512": Work(F1, 512, 4, ((15, 18), (6, 7.5)), ((23, 30), (7, 9))),
    "f1-512-2blocks": Work(F1, 512, 2, ((22, 27), (8.5, 10.5)), ((32, 42), (9, 12))),
    "f1-128": Work(F1, 128, 4, ((8.5, 10), (5, 6)), ((12.5, 16), (5.3, 7))),
    "hm-512": Work(HM, 512, 4, ((10, 13), (5, 6.5)), ((15, 20), (5.5, 7.5))),
    "hm-128": Work(HM, 128, 4, ((7.5, 10), (5, 7)), ((11, 16), (5.5, 8))),
    "hm-link-512": Work(HM_LINKS, 512, 4, ((8, 10), (4, 5)), ((8, 10), (4, 5)), negatives=1),
    "hm-link-128": Work(HM_LINKS, 128, 4, ((8, 10), (4, 5)), ((8, 10), (4, 5)), negatives=10),
}


def engine_command(build, work, precision="fp32", threads=1, blocks=None):
    settings = {"conv_aggregation": work.aggr, "lr": work.lr, "encoder_blocks": work.blocks if blocks is None else blocks}
    if precision != "fp32":
        settings["precision"] = precision
    if work.negatives:
        settings["num_negative"] = work.negatives
    sets = [word for key, value in settings.items() for word in ("--set", f"config.{key}={value}")]
    return [build / "bench/rle_bench", work.spec, "--batches", work.folder, "--turns", "--json", "--threads", threads,
            "--steps", work.steps, *sets]


def peer_command(python, work, *options):
    return [python, ROOT / "bench/peer/peer.py", work.spec, work.folder, "--aggr", work.aggr, "--lr", work.lr, "--blocks", work.blocks,
            "--steps", work.steps, "--work", OUT / "peer-tensors", *options]


def make_batches(work):
    """The same files whenever the data are the same."""
    subprocess.run([sys.executable, ROOT / "bench/peer/sampler.py", work.spec, work.folder, "--batch", str(work.batch), "--count", "4",
                    "--negatives", str(work.negatives)], check=True)


def check_same_work(name, engine, peer):
    """Both sides must encode the same columns in the same way, in models of the same shape."""
    ours = {t: {c: STYPES.get(d, d) for c, d in columns.items()} for t, columns in engine.loaded["columns"].items()}
    theirs = peer.loaded["columns"]
    if ours != theirs:
        for table in sorted(ours.keys() | theirs.keys()):
            if ours.get(table) != theirs.get(table):
                print(f"{name}, {table}: the engine has {ours.get(table)}, the peer {theirs.get(table)}", file=sys.stderr)
        sys.exit(f"{name}: engine and peer do not encode the same columns")
    if engine.loaded["model"] != peer.loaded["model"]:
        sys.exit(f"{name}: the engine's model is {engine.loaded['model']}, the peer's {peer.loaded['model']}")
    return ours


def measure(name, work, precision, args):
    one = {cpus()[-1]}
    quiet = {"PYTHONWARNINGS": "ignore", "TQDM_DISABLE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    fast = ("--dedup", "--bf16") if precision == "bf16" else ("--dedup",)
    published = Side("the peer", peer_command(args.peer, work), one, quiet)
    dedup = Side("the peer (--dedup)", peer_command(args.peer, work, *fast), one, quiet | (KEEP_MEMORY if work.negatives else {}))
    engine = Side("rle_bench", engine_command(args.build, work, precision), one)
    columns = check_same_work(name, engine, published)
    take_turns([published, dedup, engine], PASSES)
    row = {"work": name, "precision": precision, "threads": 1, "ours_seeds_s": round(engine.seeds_s, 1),
           "peer_seeds_s": round(published.seeds_s, 1), "peer_dedup_seeds_s": round(dedup.seeds_s, 1),
           "ratio": round(engine.seeds_s / published.seeds_s, 2), "ratio_dedup": round(engine.seeds_s / dedup.seeds_s, 2),
           "others": round(max(s.others for s in (published, dedup, engine)), 2), "time": time.strftime("%Y-%m-%dT%H:%M:%S"),
           "cpu": cpu_value("model name"), "isa": engine.loaded["isa"]}
    for key, sides in (("passes", lambda s: [round(p["seeds_s"], 1) for p in s.passes]), ("parts_ms", lambda s: s.summary["parts_ms"]),
                       ("parameters", lambda s: s.loaded["parameters"]), ("peak_memory_gib", lambda s: round(s.summary["peak_memory_bytes"] / 2**30, 2))):
        row[key] = {"ours": sides(engine), "peer": sides(published), "peer_dedup": sides(dedup)}
    return row, columns


def judged(ratio, least, aim):
    return f"{ratio:6.2f} (>= {least:g}, aim {aim:g}{'' if ratio >= least else ': SHORT'})"


def print_rows(rows):
    print(f"\n{'work':<15} {'prec.':<5} {'ours':>8} {'peer':>8} {'dedup':>8}   {'x peer':<30} {'x peer --dedup':<30} others")
    for row in rows:
        limits = getattr(WORKS[row["work"]], row["precision"])
        print(f"{row['work']:<15} {row['precision']:<5} {row['ours_seeds_s']:8.1f} {row['peer_seeds_s']:8.1f} {row['peer_dedup_seeds_s']:8.1f}   "
              f"{judged(row['ratio'], *limits[0]):<30} {judged(row['ratio_dedup'], *limits[1]):<30} {row['others']:.2f}"
              f"{' *' if row['others'] > BUSY else ''}")
    print(f"seeds/s, medians of {PASSES} passes; * other processes kept more than {BUSY} CPUs busy during a pass: measure again.\n"
          "bf16: x the published peer in fp32, x the peer with --dedup in bf16. Columns of text are left out on both sides.")


def print_columns(spec, columns):
    print(f"{spec.relative_to(ROOT)}: both sides encode")
    for table, types in columns.items():
        print(f"  {table}: {', '.join(f'{c} {s}' for c, s in sorted(types.items())) or 'a constant'}")


def save(rows):
    """Into peer.json, in place of earlier rows of the same work and precision."""
    path = OUT / "peer.json"
    key = lambda row: (row["work"], row["precision"], row["threads"])
    kept = {key(row): row for row in (json.loads(path.read_text()) if path.exists() else [])} | {key(row): row for row in rows}
    order = sorted(kept.values(), key=lambda row: (list(WORKS).index(row["work"]), row["precision"] != "fp32"))
    path.write_text(json.dumps(order, indent=1) + "\n")
    print(f"\n{path.relative_to(ROOT)}: {len(order)} rows")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"of {', '.join(WORKS)}; all where none is named")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--peer", type=Path, required=True, help="the Python that has bench/peer/requirements.txt")
    args = parser.parse_args()
    args.build, args.peer = args.build.absolute(), args.peer.absolute()
    if unknown := set(args.works) - set(WORKS):
        parser.error(f"unknown work: {', '.join(sorted(unknown))}; there are {', '.join(WORKS)}")
    precisions = ["fp32"] + (["bf16"] if "avx512_bf16" in kernel_flags() else [])
    print(f"bench-peer: {cpu_value('model name')}, {' '.join(kernel_flags())}; on CPU {cpus()[-1]}")
    rows, shown = [], set()
    for name in args.works or WORKS:
        work = WORKS[name]
        make_batches(work)
        for precision in precisions:
            row, columns = measure(name, work, precision, args)
            rows.append(row)
            if work.spec not in shown:
                print_columns(work.spec, columns)
            shown.add(work.spec)
            save(rows)
            print_rows([row])
    if len(rows) > 1:
        print_rows(rows)


if __name__ == "__main__":
    main()
