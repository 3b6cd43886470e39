"""Writes the fixtures of the model's parity test: see README.md."""
import argparse
import importlib.metadata
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, l1_loss
from torch_frame import stype
from torch_frame.nn import EmbeddingEncoder, LinearEmbeddingEncoder, LinearEncoder, MultiCategoricalEmbeddingEncoder, TimestampEncoder
from relbench.modeling.nn import HeteroEncoder

import tables as data
from cases import CASES
from links import PairDraw, bpr_loss, fusion_loss, join
from reference import Inputs, Margins, Model, in_double, perturb
from sampling import both_ways, edge_types, sample

LEAST_MARGIN, MOST_ERROR, ZERO, SAME, TRIES, WINDOW = 1e-5, 1e-5, 1e-11, 1e-12, 100, 60
PACKAGES = ("torch", "torch-geometric", "pytorch-frame", "relbench")


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--data", type=Path, required=True)
    args.add_argument("--out", type=Path, required=True)
    args.add_argument("--case", choices=[c.name for c in CASES])
    args = args.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    tables = data.f1(args.data)
    for case in CASES:
        if args.case in (None, case.name):
            make(case, tables, args)


def make(case, f1, args):
    for trial in range(TRIES):
        rng = np.random.default_rng([trial, *case.name.encode()])
        tables = data.synthetic(rng) if case.name == "nulls" else data.subset(f1, case.tables or f1)
        run = Run(case, tables, *seeds(case, tables, args.data, rng), trial, rng)
        if run.accepted():
            size = run.write(args.out)
            print(json.dumps({"case": case.name, "trial": trial, "bytes": size, "loss": run.loss, **run.agreement}), flush=True)
            return
        print(f"{case.name}: trial {trial} refused: {run.agreement}", flush=True)
    raise SystemExit(f"{case.name}: no trial of {TRIES} is accepted")


def seeds(case, tables, folder, rng):
    """Rows of the entity table, times, labels: close in time, so that seeds share rows, and both classes of a binary label."""
    if case.entity == "drivers":
        row, time, label = data.f1_labels(folder, case.task, {"driver-dnf": "did_not_finish", "driver-position": "position"}[case.task])
    else:
        row, table = np.arange(tables[case.entity].rows), tables[case.entity]
        time = np.full(len(row), 1_200_000_000) if table.time is None else table.time
        label = rng.permutation(np.arange(len(row)) % 2).astype(float)
    pick = np.lexsort((row, time))
    pick = pick[(start := rng.integers(max(1, len(row) - WINDOW))) : start + WINDOW]
    if case.loss == "binary_cross_entropy" and case.readout == "seeds":
        pick = np.concatenate([rng.choice(pick[label[pick] == 0], case.seeds // 2, replace=False), rng.choice(pick[label[pick] == 1], (case.seeds + 1) // 2, replace=False)])
    pick = rng.permutation(pick)[: case.seeds]
    row, time, label = row[pick], time[pick], label[pick]
    if case.loss == "cross_entropy":
        label = np.minimum(label // 6, case.outputs - 1)
    if case.loss == "multilabel_cross_entropy":
        label = rng.integers(0, 2, (case.seeds, case.outputs))
    return row, time, torch.tensor(label, dtype=torch.int32 if case.loss == "cross_entropy" else torch.float32)


class Run:
    """One case with one random seed, in float32 and float64."""

    def __init__(self, case, tables, seed_row, seed_time, label, trial, rng):
        self.case, self.tables, self.label, self.kinds = case, tables, label, edge_types(tables)
        self.batch = sample(tables, case.entity, seed_row, seed_time, case.fanouts, rng)
        if case.both_ways:
            self.batch = both_ways(self.batch)
        self.link(rng)
        made = {t: v.materialize(case.columns.get(t)) for t, v in tables.items()}
        self.frames, self.statistics = {t: m[0] for t, m in made.items()}, {t: m[1] for t, m in made.items()}
        torch.manual_seed(trial)
        model = Model(case, tables, self.frames, self.statistics, self.kinds)
        perturb(model, trial)
        self.state = {k: v.clone() for k, v in model.state_dict().items()}
        wide, margins = in_double(model, self.statistics), Margins()
        self.check_encoders(model)
        single, _ = self.step(model, False)
        with margins:
            self.values, self.loss = self.step(wide, True)
        self.check_towers(wide)
        self.after = {k: v for k, v in wide.state_dict().items()
                      if k.endswith(("running_mean", "running_var")) and f"grad.{k.rsplit('.', 1)[0]}.weight" in self.values}
        self.evaluated = wide.eval()(self.inputs(True)).detach() if self.after else None
        self.compare(single, margins)

    def link(self, rng):
        """Of links: the pairs, with the subgraphs of their targets in the batch; or labels of the target type's nodes."""
        self.pairs, self.separate = None, [self.batch]
        if self.case.towers:
            draw = PairDraw(self.case, self.tables[self.case.target], self.batch, rng)
            time, row = np.array(draw.targets).T
            self.separate.append(sample(self.tables, self.case.target, row, time, self.case.fanouts, rng))
            self.batch, self.label = join(*self.separate), None
            self.pairs = draw.pairs(self.batch)
        elif self.case.readout == "targets":
            self.label = torch.tensor(rng.permutation(np.arange(len(self.batch.row[self.case.target])) % 2), dtype=torch.float32)

    def inputs(self, double):
        return Inputs(self.batch, self.case, self.tables, self.frames, double)

    def check_towers(self, model):
        """RelBench's model takes sources and targets in batches of their own, from which nothing differs here."""
        if not self.case.towers:
            return
        model.zero_grad()
        parts = [(model(Inputs(b, self.case, self.tables, self.frames, True)), model.record.get("target_head")) for b in self.separate]
        logits = None
        if self.case.readout == "fusion":
            order = np.argsort(np.concatenate([b.hop[self.case.target] for b in self.separate]), kind="stable")
            logits = torch.cat([p[1] for p in parts])[order]
        loss = self.loss_of(torch.cat([p[0] for p in parts]), logits)
        loss.backward()
        assert abs(float(loss.detach()) - self.loss) < SAME * self.loss
        grads = {k: p.grad for k, p in model.named_parameters() if p.grad is not None}
        largest = max(float(g.abs().max()) for g in grads.values())
        for k, g in grads.items():
            torch.testing.assert_close(g, self.values[f"grad.{k}"], rtol=0, atol=SAME * largest, msg=f"{self.case.name}: gradient of {k} differs")

    def step(self, model, double):
        """out.* and grad.*, and the loss."""
        columns = {}
        for t, encoder in model.encoder.encoders.items():
            encoder.encoder.register_forward_hook(lambda m, args, out, t=t: columns.update({f"columns.{t}": out[0].flatten(1)}))
        loss = self.loss_of(model(self.inputs(double)), model.record.get("target_head"))
        loss.backward()
        if self.case.name == "nulls":
            model.record.update(columns)
        values = {f"out.{k}": self.needed(k, v.detach()) for k, v in model.record.items()}
        values = {k: v for k, v in values.items() if v.numel()}
        return values | {f"grad.{k}": p.grad for k, p in model.named_parameters() if p.grad is not None}, float(loss.detach())

    def loss_of(self, output, logits):
        """`output` of the head; `logits`: fusion, of the target head."""
        case, target = self.case, None if self.label is None else self.label.to(output.dtype)
        if case.loss == "bpr":
            return bpr_loss(output, self.pairs)
        if case.loss == "fusion":
            return fusion_loss(output, logits[:, 0], self.pairs)
        if case.loss == "cross_entropy":
            return cross_entropy(output, self.label.long(), label_smoothing=case.smoothing)
        if case.loss == "l1":
            return l1_loss(output[:, 0], target)
        return binary_cross_entropy_with_logits(output.view_as(target), target * (1 - case.smoothing) + case.smoothing / 2)

    def needed(self, name, value):
        """Per distinct row what depends on the row alone, and of a layer's nodes those that the next layer reads."""
        kind, *rest = name.split(".")
        if kind in ("encoder", "columns"):
            return value[np.unique(self.batch.row[rest[0]], return_index=True)[1]]
        if kind == "layer" and int(rest[0]) == self.case.layers - 1 and rest[1] not in self.case.read:
            return value[:0]
        if kind == "layer" and self.case.norm != "batch_norm" and self.case.readout in ("seeds", "towers"):
            hop = min(self.case.layers - 1 - int(rest[0]), self.batch.hops)
            return value[: self.batch.hop_end(rest[1])[hop]]
        return value

    def check_encoders(self, model):
        """The encoders with masked nulls return what PyTorch Frame's own do."""
        names = {t: f.col_names_dict for t, f in self.frames.items()}
        own = HeteroEncoder(self.case.channels, names, self.statistics, torch_frame_model_kwargs={
            "channels": self.case.channels, "num_layers": self.case.blocks, "dropout_prob": 0.0})
        own.load_state_dict(model.encoder.state_dict())
        frames = self.inputs(False).frames
        for (t, a), b in zip(own(frames).items(), model.encoder(frames).values()):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6, msg=f"{self.case.name}: table encoder of {t} differs")

    def compare(self, single, margins):
        largest = max(float(v.abs().max()) for k, v in self.values.items() if k.startswith("grad."))
        self.zero = sorted(k[5:] for k, v in self.values.items() if k.startswith("grad.") and v.abs().max() <= ZERO * largest)
        worst = {"out": 0.0, "grad": 0.0}
        for k, v in self.values.items():
            zero = k.startswith("grad.") and k[5:] in self.zero
            error = float((single[k] - v).abs().max()) / (largest if zero else max(float(v.abs().max()), 1e-30))
            worst[k.split(".")[0]] = max(worst[k.split(".")[0]], error)
        for k in self.zero:
            self.values[f"grad.{k}"].zero_()
        self.agreement = {"outputs": worst["out"], "gradients": worst["grad"], "relu_margin": margins.relu, "maximum_margin": min(margins.maximum, 1.0)}

    def accepted(self):
        a = self.agreement
        if any(not len(self.batch.row[t]) for t in self.case.reaches):
            return False
        if self.case.readout == "fusion" and not (0 < (self.pairs.positive < 0).mean() < 1 and 0 < (self.pairs.negative < 0).mean() < 1):
            return False
        return max(a["outputs"], a["gradients"]) < MOST_ERROR and min(a["relu_margin"], a["maximum_margin"]) > LEAST_MARGIN

    def write(self, folder):
        name = self.case.name
        narrow = lambda v: v.float() if v.is_floating_point() else v
        tensors = {k: v for k, v in self.values.items() if not k.startswith("grad.")} | self.batch_tensors() | self.input_tensors()
        tensors |= {"param." + k[5:]: torch.stack([self.state[k[5:]], narrow(v)]) for k, v in self.values.items() if k.startswith("grad.")}
        tensors |= {"label": self.label} if self.label is not None else self.pairs.tensors(self.case.readout == "fusion")
        tensors |= {f"buffer.{k}": v for k, v in self.state.items() if k.endswith("frequency") or k in self.after}
        tensors |= {f"after.{k}": v for k, v in self.after.items()}
        if self.evaluated is not None:
            tensors["eval.head"] = self.evaluated
        path, text = folder / f"{name}.safetensors", folder / f"{name}.json"
        save_file({k: narrow(v).clone().contiguous() for k, v in sorted(tensors.items())}, path)
        path.chmod(0o644)
        text.write_text(self.description())
        return path.stat().st_size + text.stat().st_size

    def batch_tensors(self):
        out = {}
        for t, table in self.tables.items():
            distinct, row = self.batch.distinct(t)
            ints = {"row": row.astype(np.int32), "seed": self.batch.owner[t].astype(np.int32), "hop_end": self.batch.hop_end(t), "distinct": distinct}
            if table.time is not None:
                ints["delta_s"], delta = np.unique(self.batch.deltas(t, table.time), return_inverse=True)
                ints["delta"] = delta.astype(np.int32)
            out |= {f"node.{t}.{k}": torch.from_numpy(v) for k, v in ints.items()}
        for k in self.kinds:
            out["edge." + ".".join(k) + ".offsets"] = torch.from_numpy(self.batch.offsets(k).astype(np.int32))
            out["edge." + ".".join(k) + ".source"] = torch.from_numpy(self.batch.edge_index(k)[0].astype(np.int32))
        return out

    def input_tensors(self):
        out = {}
        for t, frame in self.frames.items():
            frame = frame[torch.from_numpy(self.batch.distinct(t)[0])]
            for kind, columns in frame.col_names_dict.items():
                for i, c in enumerate(columns):
                    feat = frame.feat_dict[kind][:, i]
                    if kind == stype.multicategorical:
                        out |= bags(f"in.{t}.{c}", feat)
                    else:
                        out[f"in.{t}.{c}"] = feat.values if kind == stype.embedding else feat if feat.is_floating_point() else feat.int()
        return out

    def description(self):
        c = self.case
        config = dict(channels=c.channels, encoder_blocks=c.blocks, gnn_layers=c.layers, conv_aggregation=c.conv, hetero_conv_aggregation=c.types, gnn_norm=c.norm,
                      head_layers=c.head_layers, head_norm=c.head_norm, use_temporal_encoder=c.temporal, shallow_embeddings=c.shallow, id_awareness=c.id_awareness)
        nodes = [dict(name=t, nodes=v.rows, has_time=v.time is not None, columns=self.columns(t)) for t, v in self.tables.items()]
        edges = [dict(source=k[0], name=k[1], target=k[2]) for k in self.kinds]
        links = dict(target=c.target) if c.target else {}
        top = dict(case=c.name, about=c.about, config=config, readout=c.readout, entity=c.entity, **links, seeds=len(self.batch.seed_time), hops=self.batch.hops,
                   outputs=c.outputs, loss=dict(kind=c.loss, label_smoothing=c.smoothing, value=self.loss), node_types=nodes, edge_types=edges,
                   zero_gradient=self.zero, agreement=self.agreement, versions={p: importlib.metadata.version(p) for p in PACKAGES})
        return "{\n" + ",\n".join(f' "{k}": {lines(v)}' for k, v in top.items()) + "\n}\n"

    def columns(self, t):
        """In the order of the concatenation, with the place of their parameters and their statistics."""
        out, first = [], 1
        for kind in self.frames[t].stypes:
            for i, c in enumerate(self.frames[t].col_names_dict[kind]):
                known = {k.value: v for k, v in self.statistics[t][c].items()}
                column = dict(name=c, stype=kind.value, index=i, slice=[len(out) * self.case.channels, (len(out) + 1) * self.case.channels])
                if kind == stype.numerical:
                    column |= dict(mean=known["MEAN"], std=known["STD"])
                elif kind == stype.categorical:
                    column |= dict(categories=len(known["COUNT"][0]), first_row=first)
                    first += len(known["COUNT"][0])
                elif kind == stype.multicategorical:
                    column |= dict(categories=len(self.state[f"encoder.encoders.{t}.encoder.encoder_dict.multicategorical.embs.{i}.weight"]) - 1, first_row=1)
                elif kind == stype.timestamp:
                    column |= dict(min_year=int(known["YEAR_RANGE"][0]), median=known["MEDIAN_TIME"].tolist())
                else:
                    column |= dict(dimension=known["EMB_DIM"])
                out.append(column)
        return out


def bags(name, feat):
    """Categories per row without those for null."""
    rows = [v[v >= 0] for v in (feat.values[a:b] for a, b in zip(feat.offset[:-1], feat.offset[1:]))]
    offsets = np.cumsum([0, *map(len, rows)])
    return {f"{name}.offsets": torch.tensor(offsets, dtype=torch.int32), f"{name}.values": torch.cat(rows).int()}


def lines(value):
    """JSON with one line per element of a list of objects."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n  " + ",\n  ".join(lines_of_columns(v) for v in value) + "\n ]"
    return json.dumps(value)


def lines_of_columns(v):
    if not v.get("columns"):
        return json.dumps(v)
    head = json.dumps({k: x for k, x in v.items() if k != "columns"})
    return head[:-1] + ', "columns": [\n    ' + ",\n    ".join(map(json.dumps, v["columns"])) + "]}"


if __name__ == "__main__":
    main()
