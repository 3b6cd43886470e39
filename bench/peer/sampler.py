"""Temporal neighbour sampling in numpy, with the rule of PyG's disjoint `uniform` sampling, and the batch files both sides read.

    python sampler.py SPEC FOLDER --batch 512 --count 4 [--fanouts 128 64] [--seed 42] [--negatives 10]

Each seed (a row of the entity table and a time t) has a subgraph of its own. Per hop and edge type, a node reached in the hop before draws
up to `fanout` of its neighbours, without replacement, among those with time <= t or without time column. A row reached twice by one
seed is one node. Needs numpy, pyarrow and PyYAML only. The form of a batch file: docs/performance.md.
"""
import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neighbour_lists import Neighbours
from tables import Specification

DTYPES = {"I64": np.int64, "I32": np.int32, "F32": np.float32}


def write_safetensors(path, tensors, metadata):
    names = {np.dtype(v): k for k, v in DTYPES.items()}
    header, data, at = {"__metadata__": metadata}, [], 0
    for name, value in sorted(tensors.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])):
        data.append(np.ascontiguousarray(value).tobytes())
        header[name] = {"dtype": names[value.dtype], "shape": list(value.shape), "data_offsets": [at, at + len(data[-1])]}
        at += len(data[-1])
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(len(head).to_bytes(8, "little") + head + b"".join(data))


def read_safetensors(path):
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    return {name: np.frombuffer(content, DTYPES[t["dtype"]], int(np.prod(t["shape"])), start + t["data_offsets"][0]).reshape(t["shape"])
            for name, t in header.items()}


@dataclass
class Subgraphs:
    """Those of numbered seeds, which are the first nodes of their types."""
    row: dict = field(default_factory=dict)    # node type -> [N] row of its table
    owner: dict = field(default_factory=dict)  # node type -> [N] index of the seed whose subgraph holds the node
    edge: dict = field(default_factory=dict)   # (source type, name, target type) -> [2, E] positions in `row`; messages flow source -> target

    def graph_tensors(self):
        tensors = {}
        for t in self.row:
            tensors |= {f"node.{t}.row": self.row[t].astype(np.int32), f"node.{t}.seed": self.owner[t].astype(np.int32)}
        return tensors | {"edge." + ".".join(k): e.astype(np.int32) for k, e in self.edge.items()}

    def take(self, tensors):
        for k, v in tensors.items():
            kind, *name = k.split(".")
            if kind == "edge":
                self.edge[tuple(name)] = v.astype(np.int64)
            elif kind == "node":
                (self.row if name[1] == "row" else self.owner)[name[0]] = v.astype(np.int64)
        return self


@dataclass
class Batch(Subgraphs):
    """One mini-batch: node i of the entity type is seed i."""
    seed_row: np.ndarray = None   # [S] row of the entity table
    seed_time: np.ndarray = None  # [S] seconds
    label: np.ndarray = None      # [S] float

    def write(self, path, entity):
        tensors = {"seed_row": self.seed_row, "seed_time": self.seed_time, "label": self.label.astype(np.float32)}
        write_safetensors(path, tensors | self.graph_tensors(), {"entity": entity})

    @classmethod
    def read(cls, path):
        t = read_safetensors(path)
        seeds = {k: t[k].astype(np.float32 if k == "label" else np.int64) for k in ("seed_row", "seed_time", "label")}
        return cls(**seeds).take(t)


class Graph:
    """Neighbour lists of a specification's tables, per edge type sorted by target row and source time."""

    def __init__(self, spec):
        self.entity = spec.entity
        self.size = {t: info.rows() for t, info in spec.tables.items()}
        time = {t: spec.times(t) for t in spec.tables}
        self.lists = {}
        for t, info in spec.tables.items():
            for key, (parent, _) in info.foreign_keys.items():
                up = spec.parent_rows(t, key)
                child = np.flatnonzero(up >= 0)
                up = up[child]
                self.lists[t, f"f2p_{key}", parent] = Neighbours(child, up, self.size[parent], time[t])
                self.lists[parent, f"rev_f2p_{key}", t] = Neighbours(up, child, self.size[t], time[parent])

    def sample(self, seed_row, seed_time, label, fanouts, rng):
        grown = self.grow([(self.entity, seed_row)], seed_time, fanouts, rng)
        return Batch(grown.row, grown.owner, grown.edge, seed_row, seed_time, label)

    def grow(self, seeds, seed_time, fanouts, rng):
        """seeds: (table, rows) pairs, numbered one after the other; seed_time: of all of them."""
        nodes = {t: [] for t in self.size}   # one array of keys per hop; key = seed index * table size + row
        edges = {k: [] for k in self.lists}  # (source keys, target keys) per hop
        fresh = {t: np.empty(0, np.int64) for t in self.size}
        first = 0
        for t, rows in seeds:
            fresh[t] = np.concatenate([fresh[t], (first + np.arange(len(rows))) * self.size[t] + rows])
            first += len(rows)
        for fanout in fanouts:
            for t in nodes:
                nodes[t].append(fresh[t])
            reached = {t: [] for t in self.size}
            for (src, name, dst), lists in self.lists.items():
                owner, row = np.divmod(fresh[dst], self.size[dst])
                at, neighbour = lists.draw(row, seed_time[owner] * 10**6, fanout, rng)
                keys = owner[at] * self.size[src] + neighbour
                edges[src, name, dst].append((keys, fresh[dst][at]))
                reached[src].append(keys)
            fresh = {t: np.setdiff1d(np.concatenate(r), np.concatenate(nodes[t])) if r else fresh[t][:0] for t, r in reached.items()}
        b = Subgraphs()
        lookup = {}
        for t in nodes:
            keys = np.concatenate([*nodes[t], fresh[t]])
            b.owner[t], b.row[t] = np.divmod(keys, self.size[t])
            order = np.argsort(keys)
            lookup[t] = (keys[order], order)
        local = lambda t, keys: lookup[t][1][np.searchsorted(lookup[t][0], keys)]
        for (src, name, dst), hops in edges.items():
            source, target = (np.concatenate([h[i] for h in hops]) for i in (0, 1))
            pair = np.stack([local(src, source), local(dst, target)])
            b.edge[src, name, dst] = pair[:, np.argsort(pair[1], kind="stable")]  # by target: fastest for the peer
        return b


def emptied(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.safetensors"):
        old.unlink()


def write_batches(spec, folder, batch, count, fanouts, seed):
    """`count` batches of the training split in a random order, no row twice."""
    rng = np.random.default_rng(seed)
    graph = Graph(spec)
    row, time, label = spec.seeds()
    order = rng.permutation(len(row))
    emptied(folder)
    for i in range(min(count, -(-len(row) // batch))):
        at = order[i * batch: (i + 1) * batch]
        graph.sample(row[at], time[at], label[at], fanouts, rng).write(folder / f"{i:04}.safetensors", spec.entity)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", type=Path)
    parser.add_argument("folder", type=Path, help="batch files that are there are replaced")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--fanouts", type=int, nargs="+", default=[128, 64])
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--negatives", type=int, default=10, help="link_prediction: negatives a seed")
    args = parser.parse_args()
    spec = Specification(args.spec)
    if spec.target_entity:
        from link_batches import write_link_batches  # which needs this module
        write_link_batches(spec, args.folder, args.batch, args.count, args.negatives, args.fanouts, args.seed)
    else:
        write_batches(spec, args.folder, args.batch, args.count, args.fanouts, args.seed)


if __name__ == "__main__":
    main()
