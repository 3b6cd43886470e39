"""Batches of link_prediction: the subgraphs of sources, of one target of each, and of targets that are none of its.

Every (target, time) is one seed of a batch, however many pairs name it. Beside each file FOLDER/NAME.safetensors stand, for a program
that runs its model once for the sources, once for the positives and once for the negatives, the same subgraphs apart:
FOLDER/towers/NAME.{source,positive,negative}.safetensors, where a target stands once for each pair that names it.
"""
from dataclasses import dataclass

import numpy as np

from sampler import Batch, Graph, Subgraphs, emptied, read_safetensors, write_safetensors

TOWERS = ("source", "positive", "negative")


@dataclass
class LinkBatch(Subgraphs):
    """Seeds 0..S-1 are rows of the entity table, S..S+T-1 rows of the target table."""
    seed_row: np.ndarray = None     # [S]
    seed_time: np.ndarray = None    # [S] seconds
    target_row: np.ndarray = None   # [T]
    target_time: np.ndarray = None  # [T]
    positive: np.ndarray = None     # [S] 0..T-1
    negative: np.ndarray = None     # [S, K] 0..T-1

    FIELDS = ("seed_row", "seed_time", "target_row", "target_time", "positive", "negative")

    def write(self, path, entity):
        write_safetensors(path, {k: np.asarray(getattr(self, k), np.int64) for k in self.FIELDS} | self.graph_tensors(), {"entity": entity})

    @classmethod
    def read(cls, path):
        t = read_safetensors(path)
        return cls(**{k: t[k].astype(np.int64) for k in cls.FIELDS}).take(t)

    def tower(self, name, tables):
        """A batch of its own: the sources, the positives, or the negatives of the first source, of the second, ...; tables: entity, target."""
        sources = len(self.seed_row)
        if name == "source":
            return self.of_seeds(np.arange(sources), tables[0], self.seed_row, self.seed_time)
        at = getattr(self, name).reshape(-1)
        return self.of_seeds(sources + at, tables[1], self.target_row[at], self.target_time[at])

    def of_seeds(self, seeds, table, seed_row, seed_time):
        b = Batch(seed_row=seed_row, seed_time=seed_time, label=np.zeros(len(seeds), np.float32))
        nodes = {t: Copies(owner, seeds, t == table) for t, owner in self.owner.items()}
        for t, copies in nodes.items():
            b.row[t], b.owner[t] = self.row[t][copies.of], copies.seed
        for k, (source, target) in self.edge.items():
            edges = Copies(self.owner[k[2]][target], seeds)
            pair = np.stack([nodes[t].place(ends[edges.of], edges.seed) for t, ends in ((k[0], source), (k[2], target))])
            b.edge[k] = pair[:, np.argsort(pair[1], kind="stable")]
        return b


class Copies:
    """Of things that belong to seeds, those of the given seeds: `of` says which one each is a copy of, `seed` at which place its seed stands.

    In order of seeds; with first_ahead, the first thing of each seed stands before all others.
    """

    def __init__(self, owner, seeds, first_ahead=False):
        order = np.argsort(owner, kind="stable")
        begin = np.searchsorted(owner[order], seeds)
        count = np.searchsorted(owner[order], seeds, side="right") - begin
        self.first = np.cumsum(count) - count  # of each seed
        self.seed = np.repeat(np.arange(len(seeds)), count)
        self.rank = np.empty(len(owner), np.int64)  # of each thing within its seed
        self.rank[order] = np.arange(len(owner)) - np.searchsorted(owner[order], owner[order])
        self.of = order[begin[self.seed] + np.arange(len(self.seed)) - self.first[self.seed]]
        lead = np.argsort(self.rank[self.of] > 0, kind="stable") if first_ahead else np.arange(len(self.of))
        self.of, self.seed, self.moved = self.of[lead], self.seed[lead], np.argsort(lead)

    def place(self, thing, seed):
        """Where the copy for the seed at that place stands."""
        return self.moved[self.first[seed] + self.rank[thing]]


def draw_negatives(lists, targets, count, rng):
    """[rows, count] of 0..targets-1, each alike, none of its row's list."""
    drawn = rng.integers(0, targets, (len(lists), count))
    for row, positives in zip(drawn, lists):
        while (wrong := np.isin(row, positives)).any():
            row[wrong] = rng.integers(0, targets, np.count_nonzero(wrong))
    return drawn


def write_link_batches(spec, folder, batch, count, negatives, fanouts, seed):
    """`count` batches of the training split in a random order, no row twice."""
    rng = np.random.default_rng(seed)
    graph = Graph(spec)
    if spec.tables[spec.target_entity].time_column:
        raise SystemExit(f"{spec.path}: link batches are for target tables without time; {spec.target_entity} has one")
    row, time, lists = spec.seeds()
    linked = np.flatnonzero([len(targets) > 0 for targets in lists])
    order = rng.permutation(linked)
    emptied(folder)
    emptied(folder / "towers")
    for i in range(min(count, -(-len(order) // batch))):
        at = order[i * batch: (i + 1) * batch]
        chosen = [lists[j] for j in at]
        named = np.column_stack([[rng.choice(targets) for targets in chosen], draw_negatives(chosen, graph.size[spec.target_entity], negatives, rng)])
        times = np.repeat(time[at], 1 + negatives)
        pairs, seed_of = np.unique(np.stack([times, named.reshape(-1)]), axis=1, return_inverse=True)
        seed_of = seed_of.reshape(named.shape)
        grown = graph.grow([(spec.entity, row[at]), (spec.target_entity, pairs[1])], np.concatenate([time[at], pairs[0]]), fanouts, rng)
        made = LinkBatch(grown.row, grown.owner, grown.edge, row[at], time[at], pairs[1], pairs[0], seed_of[:, 0], seed_of[:, 1:])
        made.write(folder / f"{i:04}.safetensors", spec.entity)
        for name in TOWERS:
            made.tower(name, (spec.entity, spec.target_entity)).write(folder / "towers" / f"{i:04}.{name}.safetensors", spec.entity if name == "source" else spec.target_entity)
