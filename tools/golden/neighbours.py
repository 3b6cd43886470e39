"""Temporal neighbour sampling of whole batches by array operations: the rule of sampling.py (and of PyG's disjoint uniform sampling), for training."""
import numpy as np


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


class Neighbours:
    """The sources of every target of one edge type, by target, then time: those up to a time are one binary search away."""

    def __init__(self, source, target, targets, time):
        self.times = None if time is None else np.unique(time)
        rank = np.zeros(len(source), np.int64) if time is None else np.searchsorted(self.times, time[source])
        self.ranks = 1 if time is None else len(self.times)
        order = np.lexsort((rank, target))
        self.source, self.key = source[order], target[order] * self.ranks + rank[order]
        self.start = np.searchsorted(target[order], np.arange(targets))

    def draw(self, row, time, fanout, rng):
        """For every (row, time) up to `fanout` distinct visible sources: positions in `row`, sources."""
        visible = 1 if self.times is None else np.searchsorted(self.times, time, side="right")
        start = self.start[row]
        count = np.searchsorted(self.key, row * self.ranks + visible) - start
        at = np.repeat(np.arange(len(row)), count)
        rank = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)  # 0..count-1 within each row
        kept = np.lexsort((rng.random(len(at)), at))[rank < fanout]             # a random order within each row, cut off at fanout
        return at[kept], self.source[start[at[kept]] + rank[kept]]


def links(tables, kind):
    """Sources and targets of an edge type."""
    source, name, target = kind
    child, key = (target, name.removeprefix("rev_f2p_")) if name.startswith("rev_") else (source, name.removeprefix("f2p_"))
    parent = tables[child].foreign_keys[key][1]
    rows = np.flatnonzero(parent >= 0)
    return (parent[rows], rows) if name.startswith("rev_") else (rows, parent[rows])
