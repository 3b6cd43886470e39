#!/usr/bin/env python3
"""What `make bench-scale` runs: the same job on H&M-shaped data of growing size, into build/bench/scale.json and a table.

    bench/bench_scale.py --build build/release [--scales 0.01 0.1 1] [--repeat 1]

At each scale (1: 1.37 M customers, 106 k articles, 15.2 M transactions) `rle fit` runs three ways, each in a process of its own:
  read      from Parquet, nothing kept: the time until training begins is ingest, canonical order, graph and encoding
  first     the same, and writing a snapshot
  tutorial  from the snapshot: 3 epochs x 200 iterations x batch 128, 2 encoder blocks (preset sdk); `trained` is the training with its
            evaluations, `all` the whole process
Peaks are of the whole process: VmHWM with mapped files, RssAnon its own memory. Files are in the page cache (read once before). The
slope is that of a line through the logarithms of rows and figure: 1 is growth in step with the rows.
"""
import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build/bench"
TUTORIAL = {"preset": "sdk", "n_epochs": 3, "max_iters": 200}
SHORT = TUTORIAL | {"n_epochs": 1, "max_iters": 1}
FIGURES = (("read_s", "read, graph"), ("first_s", "first"), ("second_s", "second"), ("trained_s", "trained"), ("all_s", "all"),
           ("peak_gib", "peak GiB"), ("anonymous_gib", "own GiB"))


def status(pid):
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {key: int(value.split()[0]) / 2**20 for key, value in (line.split(":", 1) for line in lines) if value.endswith("kB")}


def run(command):
    """A process: its output as JSON, seconds, and the most memory it held, in GiB."""
    start, peak = time.perf_counter(), {"VmHWM": 0.0, "RssAnon": 0.0}
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    done = threading.Event()

    def watch():
        while not done.wait(0.01):
            now = status(process.pid)
            for key in peak:
                peak[key] = max(peak[key], now.get(key, 0.0))

    watcher = threading.Thread(target=watch)
    watcher.start()
    out = process.communicate()[0]
    done.set()
    watcher.join()
    if process.returncode != 0:
        raise SystemExit(f"bench: {' '.join(map(str, command))} failed")
    return json.loads(out), time.perf_counter() - start, peak


def fit(build, spec, config, *options):
    model = OUT / "scale-model"
    shutil.rmtree(model, ignore_errors=True)
    sets = [word for key, value in config.items() for word in ("--set", f"config.{key}={json.dumps(value)}")]
    return run([build / "rle", "fit", spec, "--model", model, "--json", "--quiet", *sets, *options])


def rows_of(build, spec):
    tables = run([build / "rle", "inspect", spec, "--json", "--quiet"])[0]["tables"]
    return sum(table["rows"] for table in tables)


def measure(build, scale, repeat):
    folder = ROOT / f"build/hm-{scale:g}"
    spec, snapshot = folder / "churn.yaml", folder / "snapshot"
    if not spec.exists():
        subprocess.run([sys.executable, "-m", "relationalai_gnns.retail", folder, "--scale", f"{scale:g}"], check=True, stdout=sys.stderr,
                       env={**os.environ, "PYTHONPATH": str(ROOT / "python")})
    row = {"scale": scale, "rows": rows_of(build, spec), "source_bytes": sum(f.stat().st_size for f in folder.glob("db/*.parquet"))}
    runs = []
    for _ in range(repeat):
        read, _, plain_peak = fit(build, spec, SHORT)
        shutil.rmtree(snapshot, ignore_errors=True)
        first, _, first_peak = fit(build, spec, SHORT, "--snapshot", snapshot)
        tutorial, seconds, peak = fit(build, spec, TUTORIAL, "--snapshot", snapshot)
        runs.append({"read_s": read["data_seconds"], "first_s": first["data_seconds"], "second_s": tutorial["data_seconds"],
                     "trained_s": tutorial["seconds"], "all_s": seconds,
                     "peak_gib": max(p["VmHWM"] for p in (plain_peak, first_peak, peak)),
                     "anonymous_gib": peak["RssAnon"]})
    row |= {key: min(r[key] for r in runs) for key, _ in FIGURES}
    return row | {"snapshot_bytes": sum(f.stat().st_size for f in snapshot.iterdir())}


def slope(rows, key):
    x, y = [math.log(r["rows"]) for r in rows], [math.log(max(r[key], 1e-3)) for r in rows]
    mx, my = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y)) / sum((a - mx) ** 2 for a in x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--scales", type=float, nargs="+", default=[0.01, 0.1, 1])
    parser.add_argument("--repeat", type=int, default=1, help="the best of so many runs")
    args = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    print(f"{'scale':>6} {'rows':>11} " + " ".join(f"{name:>11}" for _, name in FIGURES) + f" {'snapshot GB':>11}")
    rows = []
    for scale in args.scales:
        rows.append(measure(args.build.resolve(), scale, args.repeat))
        print(f"{scale:>6g} {rows[-1]['rows']:>11,} " + " ".join(f"{rows[-1][key]:11.2f}" for key, _ in FIGURES)
              + f" {rows[-1]['snapshot_bytes'] / 1e9:11.2f}", flush=True)
    slopes = {key: round(slope(rows, key), 2) for key, _ in FIGURES} if len(rows) > 1 else {}
    if slopes:
        print(f"{'slope':>18} " + " ".join(f"{slopes[key]:11.2f}" for key, _ in FIGURES))
    result = {"rows": rows, "slopes": slopes, "cpus": len(os.sched_getaffinity(0))}
    (OUT / "scale.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"bench: wrote {OUT / 'scale.json'}")


if __name__ == "__main__":
    main()
