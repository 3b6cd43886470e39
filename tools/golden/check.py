"""Computes every fixture's outputs and loss again in numpy, from its two files alone and as README.md describes them, and the slope
of the loss along every gradient by finite differences."""
import argparse
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

MOST_ERROR = 1e-5  # of a tensor's largest value
STEP, MOST_SLOPE_ERROR = 1e-5, 1e-4


class Fixture:
    def __init__(self, path):
        self.about, self.tensors = json.loads(path.with_suffix(".json").read_text()), load_file(path)
        for k in [k for k in self.tensors if k.startswith("param.")]:
            self.tensors[k], self.tensors["grad." + k[len("param."):]] = self.tensors[k]
        self.config, self.types = self.about["config"], {t["name"]: t for t in self.about["node_types"]}
        self.readout, self.entity, self.target = self.about["readout"], self.about["entity"], self.about.get("target")
        self.worst, self.training, self.moved = 0.0, True, {}

    def __getitem__(self, name):
        v = self.tensors[name]
        return v.astype(np.float64) if v.dtype == np.float32 else v

    def parameter(self, name):
        return self["param." + name] + self.moved.get(name, 0)

    def linear(self, name, x):
        bias = self.parameter(name + ".bias") if f"param.{name}.bias" in self.tensors else 0
        return x @ self.parameter(name + ".weight").T + bias

    def affine(self, name, x):
        return x * self.parameter(name + ".weight") + self.parameter(name + ".bias")

    def layer_norm(self, name, x):
        return self.affine(name, standard(x, x.mean(1, keepdims=True), x.var(1, keepdims=True)))

    def batch_norm(self, name, x):
        if len(x) < 2 or not self.training:
            when = "buffer" if self.training else "after"
            return self.affine(name, standard(x, self[f"{when}.{name}.running_mean"], self[f"{when}.{name}.running_var"]))
        moved = lambda old, new: 0.9 * self[f"buffer.{name}.{old}"] + 0.1 * new
        self.compare(f"after.{name}.running_mean", moved("running_mean", x.mean(0)))
        self.compare(f"after.{name}.running_var", moved("running_var", x.var(0, ddof=1)))
        return self.affine(name, standard(x, x.mean(0), x.var(0)))

    def instance_norm(self, name, x, seed):
        out = np.zeros_like(x)
        for s in np.unique(seed):
            out[seed == s] = standard(x[seed == s], x[seed == s].mean(0), x[seed == s].var(0))
        return out

    def compare(self, name, value):
        if name not in self.tensors or self.moved or not (self.training or name.startswith("eval.")):
            return
        want = self[name]
        error = np.abs(value[: len(want)] - want).max() / max(np.abs(want).max(), 1e-30)
        self.worst = max(self.worst, error)
        assert error < MOST_ERROR, f"{self.about['case']}: {name} is off by {error}"

    # ---- the model

    def columns(self, t):
        out = []
        for c in self.types[t]["columns"]:
            name, place = f"encoder.encoders.{t}.encoder.encoder_dict.{c['stype']}", f"in.{t}.{c['name']}"
            out.append(getattr(self, c["stype"])(c, name, place))
        return np.concatenate(out, 1)

    def numerical(self, c, name, place):
        x, i = self[place], c["index"]
        z = (x - c["mean"]) / (c["std"] + 1e-6)
        return np.where(np.isnan(x)[:, None], 0, z[:, None] * self.parameter(name + ".weight")[i] + self.parameter(name + ".bias")[i])

    def categorical(self, c, name, place):
        k = self[place]
        return self.parameter(name + ".emb.weight")[np.where(k < 0, 0, c["first_row"] + k)]

    def multicategorical(self, c, name, place):
        table, values, offsets = self.parameter(f"{name}.embs.{c['index']}.weight"), self[place + ".values"], self[place + ".offsets"]
        rows = [table[c["first_row"] + values[a:b]] for a, b in zip(offsets[:-1], offsets[1:])]
        return np.stack([r.mean(0) if len(r) else np.zeros(table.shape[1]) for r in rows])

    def timestamp(self, c, name, place):
        parts = self[place].astype(np.int64)
        parts = np.where(parts[:, :1] < 0, np.array(c["median"]), parts)
        year = (parts[:, :1] - c["min_year"]) * 10000.0 ** (-2 * np.arange(4) / 8)
        v = parts[:, 1:, None] / np.array([12, 31, 7, 24, 60, 60])[:, None] * np.arange(1, 5) * np.pi
        first, others = np.concatenate([np.sin(year), np.cos(year)], 1)[:, None], np.concatenate([np.sin(v), np.cos(2 * v)], 2)
        i = c["index"]
        return np.einsum("npf,pfc->nc", np.concatenate([first, others], 1), self.parameter(name + ".weight")[i]) + self.parameter(name + ".bias")[i]

    def embedding(self, c, name, place):
        x, i = self[place], c["index"]
        null = np.isnan(x).any(1, keepdims=True)
        return np.where(null, 0, np.where(null, 0, x) @ self.parameter(f"{name}.weight_list.{i}") + self.parameter(name + ".biases")[i])

    def encoder(self, t):
        x, name = self.columns(t), f"encoder.encoders.{t}"
        self.compare(f"out.columns.{t}", x)
        for b in range(self.config["encoder_blocks"]):
            block = f"{name}.backbone.{b}"
            y = relu(self.layer_norm(f"{block}.norm1", self.linear(f"{block}.lin1", x)))
            y = relu(self.layer_norm(f"{block}.norm2", self.linear(f"{block}.lin2", y)))
            x = y + (self.linear(f"{block}.shortcut", x) if f"param.{block}.shortcut.weight" in self.tensors else x)
        x = self.linear(f"{name}.decoder.2", relu(self.layer_norm(f"{name}.decoder.0", x)))
        self.compare(f"out.encoder.{t}", x)
        return x

    def input(self, t):
        if not len(self[f"node.{t}.row"]):
            return np.zeros((0, self.config["channels"]))
        x = self.encoder(t)[self[f"node.{t}.row"]]
        if self.config["use_temporal_encoder"] and self.types[t]["has_time"]:
            days = self[f"node.{t}.delta_s"].astype(np.float32) / np.float32(86400)
            angle = days[:, None] * self.tensors[f"buffer.temporal.encoder_dict.{t}.frequency"]
            encoding = np.concatenate([np.sin(angle), np.cos(angle)], 1).astype(np.float64)
            x = x + self.linear(f"temporal.lin_dict.{t}", encoding)[self[f"node.{t}.delta"]]
        if t in self.config["shallow_embeddings"]:
            x = x + self.parameter(f"shallow.{t}.weight")[self[f"node.{t}.distinct"]][self[f"node.{t}.row"]]
        if self.config["id_awareness"]:
            x = x + self.parameter("id_awareness.weight") * (np.arange(len(x)) < self.seeds(t))[:, None]
        self.compare(f"out.input.{t}", x)
        return x

    def seeds(self, t):
        return int(self[f"node.{t}.hop_end"][0])

    def layer(self, l, x):
        """Of the last layer only the types that a head reads: parameters of the others aren't in the file."""
        reduce = {"sum": np.sum, "mean": np.mean, "max": np.max}
        out = {}
        for e in self.about["edge_types"]:
            key, conv = f"{e['source']}.{e['name']}.{e['target']}", f"gnn.convs.{l}.convs.<{e['source']}___{e['name']}___{e['target']}>"
            if f"param.{conv}.lin_l.weight" not in self.tensors:
                continue
            offsets, source = self[f"edge.{key}.offsets"], self[f"edge.{key}.source"]
            sources = [x[e["source"]][source[a:b]] for a, b in zip(offsets[:-1], offsets[1:])]
            agg = np.zeros((len(sources), self.config["channels"]))
            for i, s in enumerate(sources):
                agg[i] = reduce[self.config["conv_aggregation"]](s, axis=0) if len(s) else 0
            out.setdefault(e["target"], []).append(self.linear(conv + ".lin_l", agg) + self.linear(conv + ".lin_r", x[e["target"]]))
        for t, parts in out.items():
            name, y = f"gnn.norms.{l}.{t}", reduce[self.config["hetero_conv_aggregation"]](np.stack(parts), axis=0)
            norm = {"layer_norm": lambda: self.layer_norm(name, y), "batch_norm": lambda: self.batch_norm(name + ".module", y),
                    "instance_norm": lambda: self.instance_norm(name, y, self[f"node.{t}.seed"])}[self.config["gnn_norm"]]
            out[t] = relu(norm())
            self.compare(f"out.layer.{l}.{t}", out[t])
        return out

    def outputs(self):
        x = {t: self.input(t) for t in self.types}
        for l in range(self.config["gnn_layers"]):
            x = self.layer(l, x)
        if self.readout == "targets":
            return self.head("head", x[self.target])
        seeds = np.concatenate([x[t][: self.seeds(t)] for t in dict.fromkeys((self.entity, self.target)) if t])
        assert len(seeds) == self.about["seeds"]
        return self.head("head", seeds) if self.readout != "fusion" else (self.head("head", seeds), self.head("target_head", x[self.target])[:, 0])

    def head(self, name, y):
        for i in range(self.config["head_layers"]):
            y = self.linear(f"{name}.lins.{i}", y)
            if i + 1 < self.config["head_layers"]:
                y = relu(self.batch_norm(f"{name}.norms.{i}.module", y) if self.config["head_norm"] == "batch_norm" else self.layer_norm(f"{name}.norms.{i}", y))
        self.compare(f"out.{name}" if self.training else f"eval.{name}", y)
        return y

    def bpr_loss(self, vectors):
        terms = []
        for x, positive, negatives in zip(self["pairs.source"], self["pairs.positive"], self["pairs.negative"]):
            terms += [np.logaddexp(0, vectors[x] @ vectors[n] - vectors[x] @ vectors[positive]) for n in negatives]
        return np.mean(terms)

    def fusion_loss(self, vectors, logits):
        terms, offsets = [], self["pairs.seen_offsets"]
        for i, x in enumerate(self["pairs.source"]):
            outside = lambda seeds: [vectors[x, :-1] @ vectors[s, :-1] + vectors[x, -1] for s in seeds if s >= 0]
            node = self["pairs.seen_positive"][i]
            positive = logits[node] if node >= 0 else outside([self["pairs.positive"][i]])[0]
            inside = logits[[n for n in self["pairs.seen"][offsets[i] : offsets[i + 1]] if n != node]]
            total = np.exp(positive) + np.exp(inside).sum() + np.exp(self["pairs.log_weight"][i]) * np.exp(outside(self["pairs.negative"][i])).sum()
            terms.append(np.log(total) - positive)
        return np.mean(terms)

    def loss(self, y):
        kind = self.about["loss"]["kind"]
        if kind in ("bpr", "fusion"):
            return self.bpr_loss(y) if kind == "bpr" else self.fusion_loss(*y)
        target = self["label"]
        if kind == "l1":
            return np.abs(y[:, 0] - target).mean()
        if kind == "cross_entropy":
            a, n = self.about["loss"]["label_smoothing"], y.shape[1]
            log_p = y - np.log(np.exp(y).sum(1, keepdims=True))
            return -(((1 - a) * np.eye(n)[target] + a / n) * log_p).sum(1).mean()
        y, a = y.reshape(target.shape), self.about["loss"]["label_smoothing"]
        return (np.logaddexp(0, y) - (target * (1 - a) + a / 2) * y).mean()

    def check_gradients(self):
        """The loss's slope along a gradient is the gradient's length; where that is 0, nothing is said."""
        worst = 0.0
        largest = max(np.linalg.norm(self[k]) for k in self.tensors if k.startswith("grad."))
        for name in [k[len("grad."):] for k in self.tensors if k.startswith("grad.")]:
            gradient = self["grad." + name]
            length = np.linalg.norm(gradient)
            if length:
                self.moved = {name: STEP * gradient / length}
                ahead = self.loss(self.outputs())
                self.moved = {name: -STEP * gradient / length}
                slope = (ahead - self.loss(self.outputs())) / (2 * STEP)
                error = abs(slope - length) / max(length, 1e-5 * largest)
                worst = max(worst, error)
                assert error < MOST_SLOPE_ERROR, f"{self.about['case']}: gradient of {name} is {length} long, the slope along it {slope}"
        self.moved = {}
        return worst


def standard(x, mean, var):
    return (x - mean) / np.sqrt(var + 1e-5)


def relu(x):
    return np.maximum(x, 0)


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("folder", type=Path)
    for path in sorted(args.parse_args().folder.glob("*.safetensors")):
        fixture = Fixture(path)
        loss, want = fixture.loss(fixture.outputs()), fixture.about["loss"]["value"]
        assert abs(loss - want) < MOST_ERROR * want, f"{path.stem}: loss {loss}, expected {want}"
        slope = fixture.check_gradients()
        fixture.training = False
        fixture.outputs()
        print(f"{path.stem}: largest error {fixture.worst:.1e}, of a slope {slope:.1e}")


if __name__ == "__main__":
    main()
