"""Trains the public model on a Formula 1 task with RelBench's settings and writes what it scores: see README.md.

    venv/bin/python train_reference.py driver-position --data ../../examples/f1 --seeds 42 43 44 [--out ../../docs/reference_results.json]
"""
import argparse
import copy
import json
import time
from pathlib import Path

import numpy as np
import torch
from relbench.modeling.nn import HeteroEncoder, HeteroGraphSAGE, HeteroTemporalEncoder
from sklearn.metrics import mean_absolute_error, roc_auc_score
from torch_geometric.nn import MLP

import tables as data
from neighbours import Sampler
from reference import ENCODERS
from sampling import edge_types

CHANNELS, BLOCKS, FANOUTS, BATCH, EPOCHS, RATE, FROZEN = 128, 4, (128, 64), 512, 10, 0.005, "2010-01-01"
TASKS = {"driver-position": "position", "driver-dnf": "did_not_finish", "driver-top3": "qualifying"}
SPLITS = ("train", "validation", "test")


class Model(torch.nn.Module):
    """Each distinct row of a batch is encoded once, and a layer runs only for the node types that the next one reads; with `copies`, as published,
    every copy of a row by itself (its dropout too)."""

    def __init__(self, tables, frames, statistics, kinds, options):
        super().__init__()
        encoders = {"default_stype_encoder_cls_kwargs": ENCODERS} if options.nulls == "masked" else {}
        self.encoder = HeteroEncoder(CHANNELS, {t: f.col_names_dict for t, f in frames.items()}, statistics, **encoders,
                                     torch_frame_model_kwargs={"channels": CHANNELS, "num_layers": BLOCKS})
        self.temporal = HeteroTemporalEncoder([t for t in tables if tables[t].time is not None], CHANNELS)
        self.gnn = HeteroGraphSAGE(list(tables), kinds, CHANNELS, "sum", len(FANOUTS))
        self.head = MLP(CHANNELS, out_channels=1, norm="batch_norm", num_layers=1)
        for part in self.children():
            part.reset_parameters()
        self.frames, self.copies = frames, options.copies
        self.times = {t: torch.from_numpy(table.time) for t, table in tables.items() if table.time is not None}

    def forward(self, rows, owners, edges, entity, seed_time):
        rows = {t: torch.from_numpy(v) for t, v in rows.items()}
        distinct = {t: (v, slice(None)) if self.copies else v.unique(return_inverse=True) for t, v in rows.items()}
        x = self.encoder({t: self.frames[t][d] for t, (d, _) in distinct.items()})
        x = {t: v[distinct[t][1]] for t, v in x.items()}
        owners = {t: torch.from_numpy(v) for t, v in owners.items()}
        for t, v in self.temporal(torch.from_numpy(seed_time), {t: w[rows[t]] for t, w in self.times.items()}, owners).items():
            x[t] = x[t] + v
        needed, layers = {entity}, []
        for conv, norms in list(zip(self.gnn.convs, self.gnn.norms))[::-1]:
            used = {k: torch.from_numpy(e) for k, e in edges.items() if k[2] in needed}
            needed |= {k[0] for k in used}
            layers.append((conv, norms, used))
        for conv, norms, used in reversed(layers):
            x = {t: norms[t](v).relu() for t, v in conv(x, used).items()}
        return self.head(x[entity][: len(seed_time)]).view(-1)


class Task:
    def __init__(self, options):
        self.name, self.entity, self.regression = options.task, "drivers", options.task == "driver-position"
        self.splits = {s: data.f1_labels(options.data, options.task, TASKS[options.task], s) for s in SPLITS}
        self.loss = torch.nn.L1Loss() if self.regression else torch.nn.BCEWithLogitsLoss()
        self.bounds = np.percentile(self.splits["train"][2], [2, 98]) if self.regression else None
        self.metric = "mae" if self.regression else "roc_auc"

    def score(self, split, outputs):
        truth = self.splits[split][2]
        return float(mean_absolute_error(truth, outputs.clip(*self.bounds)) if self.regression else roc_auc_score(truth, outputs))


class Run:
    def __init__(self, task, tables, frames, statistics, options, seed):
        torch.manual_seed(seed)
        self.task, self.rng, kinds = task, np.random.default_rng(seed), edge_types(tables)
        self.sampler, self.model = Sampler(tables, kinds), Model(tables, frames, statistics, kinds, options)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=RATE)

    def outputs(self, split, at):
        row, when, _ = self.task.splits[split]
        return self.model(*self.sampler.sample(self.task.entity, row[at], when[at], FANOUTS, self.rng), self.task.entity, when[at])

    def epoch(self):
        """Mean loss. The last batch is a smaller one."""
        self.model.train()
        label, losses = self.task.splits["train"][2], 0.0
        order = self.rng.permutation(len(label))
        for at in np.split(order, range(BATCH, len(order), BATCH)):
            self.optimizer.zero_grad()
            loss = self.task.loss(self.outputs("train", at), torch.from_numpy(label[at]).float())
            loss.backward()
            self.optimizer.step()
            losses += loss.item() * len(at)
        return losses / len(label)

    @torch.no_grad()
    def score(self, split):
        self.model.eval()
        rows = np.arange(len(self.task.splits[split][2]))
        return self.task.score(split, np.concatenate([self.outputs(split, at).numpy() for at in np.split(rows, range(BATCH, len(rows), BATCH))]))

    def fit(self):
        """The epoch with the best validation score (ties: the later one), and the test score of its parameters."""
        best, sign = None, -1 if self.task.regression else 1
        for epoch in range(1, EPOCHS + 1):
            loss, validation = self.epoch(), self.score("validation")
            print(json.dumps({"epoch": epoch, "loss": round(loss, 4), "validation": round(validation, 4)}), flush=True)
            if best is None or sign * validation >= sign * best[0]:
                best = validation, epoch, copy.deepcopy(self.model.state_dict())
        self.model.load_state_dict(best[2])
        dead = sorted(f"{t}.{c}" for t, c in not_finite(self.model))
        return {"epoch": best[1], "validation": best[0], "test": self.score("test"), "columns_not_finite": dead}


def not_finite(model):
    """Columns of numbers whose weights are not finite: their vectors are taken as 0."""
    for t, encoder in model.encoder.encoders.items():
        for kind, names in encoder.encoder.col_names_dict.items():
            weight = getattr(encoder.encoder.encoder_dict[kind.value], "weight", None)
            if weight is not None:
                yield from ((t, c) for c, w in zip(names, weight) if not w.isfinite().all())


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("task", choices=TASKS)
    args.add_argument("--data", type=Path, required=True, help="folder with db/ and tasks/")
    args.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44, 45, 46])
    args.add_argument("--nulls", choices=["published", "masked"], default="published",
                      help="masked: numbers that are null have no part in the gradient, which makes it finite")
    args.add_argument("--statistics", choices=["published", "training"], default="published",
                      help="training: means, deviations and categories of the rows up to the last training time, other categories are null")
    args.add_argument("--text", choices=["none", "hashed"], default="none", help="text columns: left out, or as hashed vectors of length 300")
    args.add_argument("--copies", action="store_true", help="as published: every copy of a row in a batch is encoded by itself (about 4 times the work)")
    args.add_argument("--threads", type=int, default=1)
    args.add_argument("--out", type=Path, help="JSON file of all runs; runs that it holds are not repeated")
    args = args.parse_args()
    torch.set_num_threads(args.threads)
    task, tables = Task(args), data.f1(args.data, FROZEN, args.text == "hashed")
    last = task.splits["train"][1].max()
    seen = {t: v.time <= last if args.statistics == "training" and v.time is not None else slice(None) for t, v in tables.items()}
    made = {t: v.materialize(seen=seen[t]) for t, v in tables.items()}
    frames, statistics = {t: m[0] for t, m in made.items()}, {t: m[1] for t, m in made.items()}
    for seed in args.seeds:
        run = {"task": task.name, "metric": task.metric, "nulls": args.nulls, "statistics": args.statistics, "text": args.text, "copies": args.copies,
               "seed": seed}
        runs = json.loads(args.out.read_text()) if args.out and args.out.exists() else []
        if any(run.items() <= r.items() for r in runs):
            continue
        start = time.perf_counter()
        run |= Run(task, tables, frames, statistics, args, seed).fit() | {"torch": torch.__version__}
        print(json.dumps(run | {"seconds": round(time.perf_counter() - start)}), flush=True)
        if args.out:
            runs = json.loads(args.out.read_text()) if args.out.exists() else []
            args.out.write_text(json.dumps(runs + [run], indent=1) + "\n")


if __name__ == "__main__":
    main()
