#!/usr/bin/env python3
"""What checkpoints cost a training, for `make bench-checkpoints`: the same job without any and with one every N seconds, in turns.

    bench/bench_checkpoints.py --build build/release [--every 0 60 5] [--rounds 3] [--set KEY=VALUE ...] SPEC

Each run of `rle fit` is a process of its own; counted are the seconds of training with its evaluations, and the processor time of the
whole process, which holds copying, checksums and writing wherever they run. Medians over rounds; what a setting costs is told as its ratio
to the first. The figures go to build/bench/checkpoints.json.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def fit(build, spec, every, sets, more):
    """Seconds of training, seconds of processor time."""
    with tempfile.TemporaryDirectory() as folder:
        words = [word for s in [*sets, f"config.checkpoint_every_seconds={every:g}"] for word in ("--set", s)]
        process = subprocess.Popen([str(w) for w in (build / "rle", "fit", spec, "--model", Path(folder) / "model", "--json", "--quiet", *words, *more)],
                                   stdout=subprocess.PIPE, text=True)
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"bench: rle fit {spec} failed")
        return json.loads(out)["seconds"], usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", type=Path)
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--every", type=float, nargs="+", default=[0, 60, 5], help="seconds between checkpoints; 0: none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--snapshot", type=Path, help="where the data are kept, read by every run but the first")
    args = parser.parse_args()
    more = ["--snapshot", args.snapshot] if args.snapshot else []
    runs = {every: [] for every in args.every}
    for _ in range(args.rounds):
        for every in args.every:
            runs[every].append(fit(args.build.resolve(), args.spec, every, args.set, more))
    print(f"{'every s':>8} {'trained s':>10} {'ratio':>7} {'CPU s':>8} {'ratio':>7}   {args.spec}, {args.rounds} rounds, {len(os.sched_getaffinity(0))} CPUs")
    middle = {every: [statistics.median(r[i] for r in runs[every]) for i in (0, 1)] for every in args.every}
    wall, cpu = middle[args.every[0]]
    rows = [{"every_s": e, "trained_s": w, "wall_ratio": w / wall, "cpu_s": c, "cpu_ratio": c / cpu, "runs": runs[e]} for e, (w, c) in middle.items()]
    for r in rows:
        print(f"{r['every_s']:8g} {r['trained_s']:10.2f} {r['wall_ratio']:7.3f} {r['cpu_s']:8.2f} {r['cpu_ratio']:7.3f}")
    out = ROOT / "build/bench/checkpoints.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"spec": str(args.spec), "cpus": len(os.sched_getaffinity(0)), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
