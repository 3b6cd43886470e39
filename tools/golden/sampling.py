"""Temporal neighbour sampling of small batches, laid out as the engine lays them out: nodes by hop, then seed, then discovery."""
from dataclasses import dataclass, replace

import numpy as np


@dataclass
class Batch:
    seed_time: np.ndarray  # seconds
    hops: int
    row: dict              # node type -> row of the table, per node
    owner: dict            # node type -> seed, per node
    hop: dict              # node type -> hop, per node
    sources: dict          # edge type -> per target node the list of its sources

    def distinct(self, t):
        """Distinct rows, and which one each node is."""
        return np.unique(self.row[t], return_inverse=True)

    def deltas(self, t, time):
        return self.seed_time[self.owner[t]] - time[self.row[t]]

    def hop_end(self, t):
        return np.array([(self.hop[t] <= h).sum() for h in range(self.hops + 1)], np.int64)

    def roots(self, *types):
        """How many seeds are of each type; types without any are left out."""
        return {t: n for t in types if t and (n := int(self.hop_end(t)[0]))}

    def edge_index(self, k):
        lists = self.sources[k]
        return np.array([np.concatenate([*map(np.int64, lists), np.empty(0, np.int64)]), np.repeat(np.arange(len(lists)), [len(s) for s in lists])], np.int64)

    def offsets(self, k):
        return np.cumsum([0, *map(len, self.sources[k])])


def both_ways(batch):
    """Every sampled edge in the other direction too, as PyTorch Geometric's subgraph_type="bidirectional" adds them."""
    lists = {k: [list(v) for v in sources] for k, sources in batch.sources.items()}
    for (source, name, target), sources in batch.sources.items():
        back = lists[target, name[len("rev_"):] if name.startswith("rev_") else f"rev_{name}", source]
        for node, found in enumerate(sources):
            for n in found:
                if node not in back[n]:
                    back[n].append(node)
    return replace(batch, sources=lists)


def edge_types(tables):
    """(source, name, target) sorted; messages flow source -> target."""
    keys = [(t, c, parent) for t, table in tables.items() for c, (parent, _) in table.foreign_keys.items()]
    return sorted([(t, f"f2p_{c}", parent) for t, c, parent in keys] + [(parent, f"rev_f2p_{c}", t) for t, c, parent in keys])


def neighbours(tables, k, row):
    """Rows of the source type that an edge of type k leads from to `row` of the target type."""
    source, name, target = k
    if name.startswith("rev_"):
        parent = tables[target].foreign_keys[name[len("rev_f2p_"):]][1][row]
        return np.array([parent] if parent >= 0 else [], np.int64)
    return np.flatnonzero(tables[source].foreign_keys[name[len("f2p_"):]][1] == row)


def sample(tables, entity, seed_row, seed_time, fanouts, rng):
    """Per hop, node and edge type up to `fanout` neighbours with time <= seed time or none, without replacement; a row is one node per seed."""
    kinds = edge_types(tables)
    nodes = {t: [] for t in tables}   # (hop, seed, row)
    place = {t: {} for t in tables}   # (seed, row) -> node
    sources = {k: {} for k in kinds}

    def node(t, hop, seed, row):
        if (seed, row) not in place[t]:
            place[t][seed, row] = len(nodes[t])
            nodes[t].append((hop, seed, row))
        return place[t][seed, row]

    for s, row in enumerate(seed_row):
        node(entity, 0, s, int(row))
    for hop, fanout in enumerate(fanouts):
        reached = {t: [(i, s, r) for i, (h, s, r) in enumerate(nodes[t]) if h == hop] for t in tables}
        for seed, time in enumerate(seed_time):
            for k in kinds:
                for i, s, row in reached[k[2]]:
                    if s == seed:
                        found = neighbours(tables, k, row)
                        if tables[k[0]].time is not None:
                            found = found[tables[k[0]].time[found] <= time]
                        if len(found) > fanout:
                            found = rng.choice(found, fanout, replace=False)
                        sources[k][i] = [node(k[0], hop + 1, seed, int(r)) for r in found]
    column = lambda t, j: np.array([n[j] for n in nodes[t]], np.int64)
    return Batch(np.asarray(seed_time), len(fanouts), {t: column(t, 2) for t in tables}, {t: column(t, 1) for t in tables},
                 {t: column(t, 0) for t in tables}, {k: [v.get(i, []) for i in range(len(nodes[k[2]]))] for k, v in sources.items()})
