"""The engine's sampler beside one of the same rule in numpy (bench/peer/sampler.py), in turns on one CPU: `make bench-sampler`.

    python bench/bench_sampler.py --build build/release SPEC [--batch 512] [--batches 20] [--passes 5] [--out build/bench/sampler.json]

Both sample batches of the training split with the fanouts 128, 64 from the same files; per pass the median over its batches,
in the end the median over passes. The engine also numbers the distinct rows and ages of each batch; the features of these
rows are gathered, and timed, apart. A pass beside which other processes kept more than 0.1 CPUs busy is marked with *.
"""
import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from turns import BUSY, Side, cpu_value, cpus

sys.path.insert(0, str(Path(__file__).parent / "peer"))
from sampler import Graph  # noqa: E402
from tables import Specification  # noqa: E402

FANOUTS = [128, 64]


class NumpySampler:
    def __init__(self, path, batch, batches):
        spec = Specification(path)
        self.graph, self.seeds, self.batch, self.batches = Graph(spec), spec.seeds(), batch, batches
        self.run_pass()

    def run_pass(self):
        """Milliseconds a batch (median), nodes and edges a batch (mean)."""
        rng = np.random.default_rng(42)
        order = np.resize(rng.permutation(len(self.seeds[0])), self.batch * self.batches).reshape(self.batches, self.batch)
        seconds, nodes, edges = [], 0, 0
        for at in order:
            start = time.perf_counter()
            sampled = self.graph.sample(*(column[at] for column in self.seeds), FANOUTS, rng)
            seconds.append(time.perf_counter() - start)
            nodes += sum(map(len, sampled.row.values()))
            edges += sum(e.shape[1] for e in sampled.edge.values())
        return {"sample_ms": 1e3 * statistics.median(seconds), "nodes": nodes // self.batches, "edges": edges // self.batches}


def busy_seconds():
    """CPU seconds that this machine has spent so far."""
    ticks = [int(v) for v in open("/proc/stat").readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def watched(run):
    """The result of run(), and whether other processes kept the machine busy meanwhile (run keeps one CPU busy)."""
    start, busy = time.perf_counter(), busy_seconds()
    result = run()
    wall = time.perf_counter() - start
    return result, (busy_seconds() - busy) / wall - 1 > BUSY


def compare(build, spec, batch, batches, passes):
    one_cpu = cpus()[-1:]
    overrides = ["--set", f"config.fanouts={FANOUTS}"]
    engine = Side("engine", [build / "bench/rle_sampler_bench", spec, "--batch", batch, "--batches", batches, *overrides], one_cpu)
    os.sched_setaffinity(0, one_cpu)
    peer = NumpySampler(spec, batch, max(2, batches // 5))
    theirs, marked = [], 0
    for _ in range(passes):
        _, others = watched(engine.run_pass)
        peer_pass, others_too = watched(peer.run_pass)
        theirs.append(peer_pass)
        marked += others or others_too
    engine.finish()
    middle = lambda values, key: statistics.median(v[key] for v in values)
    ours_ms, peer_ms = middle(engine.passes, "sample_ms"), middle(theirs, "sample_ms")
    return {"spec": str(spec), "batch": batch, "ours_ms": ours_ms, "gather_ms": middle(engine.passes, "gather_ms"), "peer_ms": peer_ms,
            "ratio": peer_ms / ours_ms, "ours_seeds_s": 1e3 * batch / ours_ms, "passes": passes, "marked": marked,
            "nodes": engine.passes[-1]["nodes"], "edges": engine.passes[-1]["edges"], "distinct": engine.passes[-1]["distinct"],
            "peer_nodes": theirs[-1]["nodes"], "peer_edges": theirs[-1]["edges"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specs", type=Path, nargs="+", metavar="SPEC")
    parser.add_argument("--build", type=Path, default=Path("build/release"))
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--batches", type=int, default=20, help="a pass of the engine; numpy's has a fifth")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("build/bench/sampler.json"))
    args = parser.parse_args()
    print(f"sampler, one CPU ({cpu_value('model name')}), fanouts {FANOUTS}, batches of {args.batch} seeds")
    print(f"{'':34} {'numpy ms':>9} {'engine ms':>9} {'ratio':>6} {'seeds/s':>9} {'gather ms':>9} {'nodes':>8} {'edges':>8} {'distinct':>8}")
    results = []
    for spec in args.specs:
        r = compare(args.build, spec, args.batch, args.batches, args.passes)
        results.append(r)
        print(f"{str(spec)[-34:]:34} {r['peer_ms']:9.2f} {r['ours_ms']:9.3f} {r['ratio']:6.1f} {r['ours_seeds_s']:9.0f} {r['gather_ms']:9.3f} "
              f"{r['nodes']:8} {r['edges']:8} {r['distinct']:8}{'  *' if r['marked'] else ''}", flush=True)
    if any(r["marked"] for r in results):
        print("* other processes kept the machine busy during a pass: distrust the figure, not so much the ratio")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
