#!/usr/bin/env python3
"""What `make bench` runs: micro-benchmarks beside the machine's peaks, then whole jobs, into build/bench/results.json and a table.

    bench/bench.py --build build/release [--only micro|jobs] [--jobs f1 hm] [--min-time 0.1] [--output build/bench/results.json]

results.json is a list of {name, value, unit, conditions, cpu_flags, others}; bench/bench_compare.py compares two of them. Timings on a
machine that does other work are worth little: `others` is how many CPUs other processes kept busy meanwhile.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench_peer import F1, HM, OUT, WORKS, engine_command, make_batches
from turns import BUSY, Side, cpu_value, cpus, kernel_flags, take_turns

PASSES = 3


class Watch:
    """How many CPUs were busy with neither this process nor its children, from the construction on."""

    def __init__(self):
        self.start, self.busy = time.monotonic(), self.elsewhere()

    @staticmethod
    def elsewhere():
        with open("/proc/stat") as f:
            ticks = [int(v) for v in f.readline().split()[1:9]]
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK") - sum(u.ru_utime + u.ru_stime for u in used)

    def others(self):
        return round(max(0.0, (self.elsewhere() - self.busy) / (time.monotonic() - self.start)), 2)


class Results:
    def __init__(self):
        self.rows, self.flags = [], " ".join(kernel_flags())

    def add(self, name, value, unit, conditions, others):
        self.rows.append({"name": name, "value": round(value, 4 if abs(value) < 10 else 1), "unit": unit, "conditions": conditions,
                          "cpu_flags": self.flags, "others": round(others, 2)})
        mark = " *" if others > BUSY else ""
        print(f"  {name:<58} {value:12.2f} {unit:<9} others {others:.2f}{mark}   {conditions}", flush=True)


def measure_peaks(build, results):
    watch = Watch()
    peaks = json.loads(subprocess.run([build / "bench/rle_peaks"], check=True, capture_output=True, text=True).stdout)
    others = watch.others()
    for key, unit in (("fp32_gflop_s", "GFLOP/s"), ("bf16_gflop_s", "GFLOP/s"), ("copy_gb_s", "GB/s")):
        if peaks[key]:
            results.add(f"peak/{key}", peaks[key], unit, f"one core, {peaks['isa']}", others)
    return {"GFLOP/s": peaks["fp32_gflop_s"], "bf16 GFLOP/s": peaks["bf16_gflop_s"], "GB/s": peaks["copy_gb_s"]}


def micro(build, min_time, peaks, results):
    """Every *_bench program, all its counters; those of arithmetic and memory beside the peak."""
    programs = sorted(p for p in build.glob("*_bench") if os.access(p, os.X_OK))
    if not programs:
        sys.exit(f"bench: no micro-benchmarks in {build}; run make build")
    for program in programs:
        watch = Watch()
        done = subprocess.run([program, "--benchmark_format=json", f"--benchmark_min_time={min_time}"], check=True, capture_output=True, text=True)
        others = watch.others()
        for run in json.loads(done.stdout)["benchmarks"]:
            if run.get("error_occurred"):  # bf16, where the CPU has none
                continue
            name = f"micro/{program.name.removesuffix('_bench').removeprefix('rle_')}/{run['name']}"
            results.add(name, run["cpu_time"], run["time_unit"], "CPU time of one call", others)
            for unit in ("GFLOP/s", "GB/s"):
                if unit in run:
                    peak = peaks["bf16 GFLOP/s" if unit == "GFLOP/s" and "_bf16" in run["name"] else unit]
                    results.add(f"{name}/{unit}", run[unit], unit, f"{100 * run[unit] / peak:.0f} % of the peak of "
                                f"{'multiply-adds' if unit == 'GFLOP/s' else 'a streamed copy'}", others)
            for unit in ("rows/s", "seeds/s", "items_per_second"):
                if unit in run:
                    results.add(f"{name}/{unit}", run[unit], unit, "", others)


def events(command):
    """The JSON lines of a run of rle_bench, by event."""
    done = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, {cpus()[-1]}))
    found = {"pass": []}
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message["event"] == "pass":
            found["pass"].append(message)
        else:
            found[message["event"]] = message
    return found


def job(name, spec, build, results):
    """Ingest, graph, sampling, training steps of a specification, and how far each part is from its limit."""
    watch = Watch()
    run = events([build / "bench/rle_bench", spec, "--json", "--threads", "1", "--cost"])
    others, conditions = watch.others(), f"{spec.name}, one CPU, {run['loaded']['isa']}"
    in_passes = max(p["others"] for p in run["pass"])
    for key in ("ingest_rows_s", "graph_rows_s"):
        results.add(f"{name}/{key.removesuffix('_s')}", run["loaded"][key], "rows/s", conditions, others)
    summary = run["summary"]
    results.add(f"{name}/training", summary["seeds_s"], "seeds/s", conditions, in_passes)
    results.add(f"{name}/peak_memory", summary["peak_memory_bytes"] / 2**30, "GiB", conditions + ", VmHWM", others)
    cost = summary["cost"]
    for part, ms in summary["parts_ms"].items():
        limit = cost["parts"].get(part)
        note = f"limit {limit['limit_ms']:.1f} ms: {100 * limit['limit_ms'] / ms:.0f} % of it reached" if limit and ms else ""
        results.add(f"{name}/{part}", ms, "ms", note, in_passes)
    results.add(f"{name}/of_limit", 100 * cost["of_limit"], "%", "of what the peaks allow, whole step", in_passes)


def own_ratios(build, results):
    """Encoder blocks 0 beside 4, two threads beside one: the engine against itself, on the batch files of f1-512, in turns."""
    work = WORKS["f1-512"]
    make_batches(work)
    one, two = {cpus()[-1]}, set(cpus()[-2:])
    sides = [Side("4 blocks", engine_command(build, work), one), Side("0 blocks", engine_command(build, work, blocks=0), one)]
    if len(two) == 2:
        sides.append(Side("2 threads", engine_command(build, work, threads=2), two))
    take_turns(sides, PASSES)
    base = sides[0]
    for side in sides:
        name = side.name.replace(" ", "_")
        results.add(f"f1-512/{name}", side.seeds_s, "seeds/s", "batch files", side.others)
        if side is not base:
            results.add(f"f1-512/{name}/ratio", statistics.median(a["seeds_s"] / b["seeds_s"] for a, b in zip(side.passes, base.passes)), "x",
                        "over 4 blocks on one thread, in turns; wanted: 3.5 (0 blocks), 1.6 (2 threads)", max(side.others, base.others))
        if side.name == "2 threads" and [p["losses"] for p in side.passes] != [p["losses"] for p in base.passes]:
            sys.exit("bench: two threads give other losses than one")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--only", choices=["micro", "jobs"])
    parser.add_argument("--jobs", nargs="+", choices=["f1", "hm"], default=["f1", "hm"])
    parser.add_argument("--hm", type=Path, default=HM, help="specification of the H&M-shaped data")
    parser.add_argument("--min-time", default=os.environ.get("BENCH_MIN_TIME", "0.1"), help="seconds of a micro-benchmark")
    parser.add_argument("--output", type=Path, default=OUT / "results.json")
    args = parser.parse_args()
    args.build = args.build.absolute()
    results = Results()
    print(f"bench: {cpu_value('model name')}, {results.flags}; {len(cpus())} CPUs, load {os.getloadavg()[0]:.1f}")
    peaks = measure_peaks(args.build, results)
    if args.only != "jobs":
        micro(args.build, args.min_time, peaks, results)
    if args.only != "micro":
        for name in args.jobs:
            job(name, {"f1": F1, "hm": args.hm}[name], args.build, results)
        if "f1" in args.jobs:
            own_ratios(args.build, results)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(results.rows, indent=1) + "\n")
    print(f"* other processes kept more than {BUSY} CPUs busy\n{args.output}: {len(results.rows)} figures")


if __name__ == "__main__":
    main()
