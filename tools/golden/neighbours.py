"""Temporal neighbour sampling of whole batches by array operations: the rule of sampling.py (and of PyG's disjoint uniform sampling), for training."""
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "bench/peer"))  # behind this folder: both have a tables.py
from neighbour_lists import Neighbours  # noqa: E402


class Sampler:
    """Draws, per hop, node and edge type, up to `fanout` neighbours not later than the seed; a row reached twice by one seed is one node."""

    def __init__(self, tables, kinds):
        self.size = {t: table.rows for t, table in tables.items()}
        self.lists = {k: Neighbours(*links(tables, k), tables[k[2]].rows, tables[k[0]].time) for k in kinds}

    def sample(self, entity, seed_row, seed_time, fanouts, rng):
        """Per node type the rows and the owning seeds of its nodes (of the entity, the seeds come first), per edge type [2, edges] of nodes."""
        nodes = {t: [] for t in self.size}  # one array of keys per hop: seed * rows of the table + row
        edges = {k: [] for k in self.lists}
        fresh = {t: np.empty(0, np.int64) for t in self.size}
        fresh[entity] = np.arange(len(seed_row)) * self.size[entity] + seed_row
        for fanout in fanouts:
            reached = {t: [np.empty(0, np.int64)] for t in self.size}
            for t in nodes:
                nodes[t].append(fresh[t])
            for k, lists in self.lists.items():
                owner, row = np.divmod(fresh[k[2]], self.size[k[2]])
                at, source = lists.draw(row, seed_time[owner], fanout, rng)
                keys = owner[at] * self.size[k[0]] + source
                edges[k].append((keys, fresh[k[2]][at]))
                reached[k[0]].append(keys)
            fresh = {t: np.setdiff1d(np.concatenate(r), np.concatenate(nodes[t])) for t, r in reached.items()}
        keys = {t: np.concatenate([*nodes[t], fresh[t]]) for t in nodes}
        order = {t: np.argsort(v) for t, v in keys.items()}
        node = lambda t, wanted: order[t][np.searchsorted(keys[t], wanted, sorter=order[t])]
        joined = lambda hops, side: np.concatenate([hop[side] for hop in hops])
        owners, rows = {}, {}
        for t, v in keys.items():
            owners[t], rows[t] = np.divmod(v, self.size[t])
        return rows, owners, {k: np.stack([node(k[0], joined(e, 0)), node(k[2], joined(e, 1))]) for k, e in edges.items()}


def links(tables, kind):
    """Sources and targets of an edge type."""
    source, name, target = kind
    child, key = (target, name.removeprefix("rev_f2p_")) if name.startswith("rev_") else (source, name.removeprefix("f2p_"))
    parent = tables[child].foreign_keys[key][1]
    rows = np.flatnonzero(parent >= 0)
    return (parent[rows], rows) if name.startswith("rev_") else (rows, parent[rows])
