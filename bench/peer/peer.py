"""The peer: RelBench's GNN baseline (PyTorch Frame + PyG) timed on batch files, on a specification's tables without their text columns.

    python peer.py SPEC BATCHES [--dedup] [--bf16] [--blocks 4] [--aggr sum] [--lr 0.005] [--threads 1]

One JSON object a line: "loaded", "ready" (after the warm-up), one "pass" for each line of standard input, "summary" at its end: the form
of `rle_bench --turns --json`. --inference prints where RelBench's inference of types differs from the specification, and ends.
"""
import argparse
import json
import resource
import sys
from pathlib import Path

import numpy as np
import torch
from torch_geometric.seed import seed_everything

import data
from link_batches import TOWERS, LinkBatch
from model import Model, clock, to_hetero
from sampler import Batch
from tables import Specification


class Watch:
    """Wall seconds, and how many CPUs other processes kept busy meanwhile."""

    def __init__(self):
        self.wall, self.cpu = clock(), self.busy()

    @staticmethod
    def busy():
        with open("/proc/stat") as f:
            ticks = [int(v) for v in f.readline().split()[1:9]]
        own = resource.getrusage(resource.RUSAGE_SELF)
        return (sum(ticks) - ticks[3] - ticks[4]) / 100 - own.ru_utime - own.ru_stime

    def read(self):
        wall = clock() - self.wall
        return wall, max(0.0, (self.busy() - self.cpu) / wall)


def emit(event, **values):
    print(json.dumps({"event": event, **values}), flush=True)


def columns_of(graph):
    """Table -> column -> stype; the constant that RelBench gives a table without columns is none."""
    return {t: {c: s.value for s, names in graph[t].tf.col_names_dict.items() for c in names if c != "__const__"} for t in graph.node_types}


class Training:
    """Of a model with so many outputs a seed; `step` is that of a kind of task."""

    def __init__(self, args, spec, outputs):
        torch.set_num_threads(args.threads)
        self.args, self.spec = args, spec
        size = sum(t.source.stat().st_size for t in self.spec.tables.values())
        self.graph, statistics = data.graph(self.spec, args.work / f"{self.spec.path.stem}-{size}")
        self.files = sorted(args.batches.glob("*.safetensors"))
        if not self.files:
            sys.exit(f"{args.batches}: no *.safetensors batch files; make some with sampler.py")
        seed_everything(42)
        self.model = Model(self.graph, statistics, args.channels, args.layers, args.aggr, args.blocks, args.dedup, outputs).train()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=args.lr)
        self.parts = []

    def describe(self):
        a = self.args
        return dict(columns=columns_of(self.graph), parameters=sum(p.numel() for p in self.model.parameters()), threads=a.threads,
                    model=dict(channels=a.channels, layers=a.layers, blocks=a.blocks, aggr=a.aggr, lr=a.lr), torch=torch.__version__,
                    cpu_capability=torch.backends.cpu.get_cpu_capability())

    def run_pass(self):
        watch = Watch()
        done = [self.step(i) for i in range(self.args.steps)]
        wall, others = watch.read()
        speed = sum(seeds for seeds, _ in done) / wall
        emit("pass", seeds_s=speed, others=others, losses=[loss for _, loss in done])
        return speed


class NodeTraining(Training):
    def __init__(self, args, spec):
        super().__init__(args, spec, outputs=1)
        self.loss = {"regression": torch.nn.L1Loss(), "binary_classification": torch.nn.BCEWithLogitsLoss()}[spec.task["type"]]

    def step(self, index):
        """Seeds and loss; appends the milliseconds of each part."""
        entity, m = self.spec.entity, self.model
        t = [clock()]
        batch = Batch.read(self.files[index % len(self.files)])
        t.append(clock())
        label = torch.from_numpy(batch.label)
        batch = to_hetero(batch, self.graph, batch.seed_time, m.dedup)
        t.append(clock())
        self.optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.args.bf16):
            loss = self.loss(m(batch, {entity: label.numel()})[entity].view(-1).float(), label)
        t.append(clock())
        loss.backward()
        t.append(clock())
        self.optimizer.step()
        loss = float(loss.detach())
        t.append(clock())
        gnn, encoder = m.marks.get("gnn_backward", t[3]), m.marks.get("encoder_backward", t[3])
        parts = {"read batch file": t[1] - t[0], "feature gather": t[2] - t[1], "encoder forward": m.marks["encoder"] - m.marks["start"],
                 "temporal forward": m.marks["temporal"] - m.marks["encoder"], "message passing forward": m.marks["gnn"] - m.marks["temporal"],
                 "head and loss": t[3] - m.marks["gnn"], "message passing backward": gnn - t[3], "temporal backward": encoder - gnn,
                 "encoder backward": t[4] - encoder, "optimizer": t[5] - t[4], "step": t[5] - t[0]}
        self.parts.append(parts)
        return label.numel(), loss


class LinkTraining(Training):
    """Two towers over one model, Bayesian personalised ranking. As published (RelBench's gnn_link.py) the model runs for the sources, for the
    positives and for the negatives, each time over subgraphs of their own; with --dedup once over all of them, every target once."""

    def __init__(self, args, spec):
        super().__init__(args, spec, outputs=args.channels)

    def load(self, path):
        """The parts of a batch that the model runs for, and which rows of its outputs the loss compares."""
        entity, target = self.spec.entity, self.spec.target_entity
        if self.args.dedup:
            batch = LinkBatch.read(path)
            sources, targets = len(batch.seed_row), len(batch.target_row)
            if entity == target:
                raise SystemExit(f"{self.spec.path}: entity and target are of one table, which --dedup does not know")
            at = [torch.from_numpy(rows) for rows in (batch.positive, batch.negative)]
            return [(batch, np.concatenate([batch.seed_time, batch.target_time]), {entity: sources, target: targets})], at
        towers = [Batch.read(path.parent / "towers" / f"{path.stem}.{name}.safetensors") for name in TOWERS]
        parts = [(b, b.seed_time, {t: len(b.seed_row)}) for b, t in zip(towers, (entity, target, target))]
        return parts, None

    def scores(self, parts, at):
        """Of the sources with their positives [S, 1], and with their negatives [S, K]."""
        entity, target = self.spec.entity, self.spec.target_entity
        vectors = [self.model(batch, reads) for batch, reads in parts]
        if at:
            source, targets = vectors[0][entity], vectors[0][target]
            positive, negative = targets[at[0]], targets[at[1]]
        else:
            source, positive, negative = (v[t] for v, t in zip(vectors, (entity, target, target)))
            negative = negative.view(len(source), -1, negative.shape[1])
        return (source * positive).sum(1, keepdim=True), (source[:, None] * negative).sum(2)

    def step(self, index):
        t = [clock()]
        parts, at = self.load(self.files[index % len(self.files)])
        t.append(clock())
        parts = [(to_hetero(graph, self.graph, seed_time, self.args.dedup), reads) for graph, seed_time, reads in parts]
        t.append(clock())
        self.optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.args.bf16):
            positive, negative = self.scores(parts, at)
            loss = torch.nn.functional.softplus(negative.float() - positive.float()).mean()
        t.append(clock())
        loss.backward()
        t.append(clock())
        self.optimizer.step()
        loss = float(loss.detach())
        t.append(clock())
        names = ("read batch file", "feature gather", "forward and loss", "backward", "optimizer")
        self.parts.append({name: end - start for name, start, end in zip(names, t, t[1:])} | {"step": t[5] - t[0]})
        return positive.shape[0], loss


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", type=Path)
    parser.add_argument("batches", type=Path, nargs="?", help="folder of batch files")
    parser.add_argument("--inference", action="store_true")
    parser.add_argument("--work", type=Path, default=Path("build/bench/peer-tensors"), help="keeps the tables' tensors between runs")
    parser.add_argument("--channels", type=int, default=128)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--blocks", type=int, default=4, help="residual blocks per table (RelBench's default: 4)")
    parser.add_argument("--aggr", choices=["sum", "mean", "max"], default="sum", help="within an edge type")
    parser.add_argument("--lr", type=float, default=0.005)
    parser.add_argument("--dedup", action="store_true", help="same mathematics: encode distinct rows once, trim layers by node type")
    parser.add_argument("--bf16", action="store_true", help="torch.autocast to bfloat16")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--warm-up", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2, help="of a pass")
    args = parser.parse_args()
    if args.inference:
        emit("inference", differences=data.inferred_differently(Specification(args.spec)))
        return
    if args.batches is None:
        parser.error("BATCHES is needed")
    spec = Specification(args.spec)
    training = (LinkTraining if spec.target_entity else NodeTraining)(args, spec)
    emit("loaded", **training.describe())
    for i in range(args.warm_up):
        training.step(i)
    training.parts.clear()
    emit("ready")
    speeds = [training.run_pass() for _ in sys.stdin]
    ms = {k: float(np.median([p[k] for p in training.parts])) * 1e3 for k in training.parts[0]} if training.parts else {}
    emit("summary", seeds_s=float(np.median(speeds or [0])), parts_ms=ms, peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main()
