"""Link tasks: which targets a source is compared with, a batch that holds the subgraphs of both towers, and the losses over pairs."""
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import softplus

from sampling import Batch


@dataclass
class Pairs:
    """A source with one of its targets and others that are none; seeds are numbered sources first (engine/nn/link_loss.h)."""
    source: np.ndarray         # [P] seeds
    positive: np.ndarray       # [P] seeds; fusion: -1 where it lies inside the source's subgraph
    negative: np.ndarray       # [P, negatives] seeds; fusion: -1 likewise
    seen_offsets: np.ndarray   # [P + 1]: the candidates inside the subgraph of pair i's source are ...
    seen: np.ndarray           # ... nodes seen[seen_offsets[i]] .. seen[seen_offsets[i+1] - 1] of the target type
    seen_positive: np.ndarray  # [P] a node of the target type, or -1
    log_weight: np.ndarray     # [P] logarithm of how many targets outside each negative stands for

    def tensors(self, fusion):
        names = ["source", "positive", "negative"] + ["seen_offsets", "seen", "seen_positive"] * fusion
        out = {f"pairs.{k}": torch.from_numpy(np.asarray(getattr(self, k), np.int32)) for k in names}
        return out | ({"pairs.log_weight": torch.from_numpy(self.log_weight)} if fusion else {})


class PairDraw:
    """A pair for each source of a batch and one more for the first; the sources draw from few targets, and so share some of them."""

    def __init__(self, case, table, sources, rng):
        self.case, self.table, self.sources, self.rng = case, table, sources, rng
        self.some = rng.choice(self.visible(sources.seed_time.min()), 5, replace=False)
        self.who = np.array([*range(case.seeds), 0])
        drawn = [self.draw(s) for s in self.who]
        self.positive, self.negative, self.others = ([d[i] for d in drawn] for i in range(3))
        self.time = sources.seed_time[self.who]
        # (time, row) of each target that a pair names is one seed, in this order.
        self.targets = sorted({(int(t), int(r)) for t, p, n in zip(self.time, self.positive, self.negative) for r in (p, *n)})

    def visible(self, time):
        return np.flatnonzero(self.table.time <= time) if self.table.time is not None else np.arange(self.table.rows)

    def inside(self, source):
        """Rows of the target type in the source's subgraph."""
        return self.sources.row[self.case.target][self.sources.owner[self.case.target] == source]

    def draw(self, source):
        """A target, negatives (a row may come twice), and one more target of the source inside its subgraph, which is no candidate."""
        pool = self.rng.permutation(np.union1d(self.inside(source), self.some))
        positive, left = pool[0], pool[1:]
        other = next((r for r in left if r in self.inside(source)), -1)
        return positive, self.rng.choice(left[left != other], self.case.negatives), other

    def pairs(self, batch):
        """`batch`: the subgraphs of the sources and of `targets`."""
        place = {target: self.case.seeds + i for i, target in enumerate(self.targets)}
        seed = lambda t, row: place[int(t), int(row)]
        p = Pairs(self.who, np.array([seed(t, r) for t, r in zip(self.time, self.positive)]),
                  np.array([[seed(t, r) for r in n] for t, n in zip(self.time, self.negative)]), [0], [], [], [])
        if self.case.readout == "fusion":
            for i in range(len(self.who)):
                self.divide(p, i, batch)
        p.log_weight = np.array(p.log_weight, np.float32)
        return p

    def divide(self, p, i, batch):
        """Inside and outside of the source's subgraph."""
        nodes = np.flatnonzero(batch.owner[self.case.target] == self.who[i])
        node = dict(zip(batch.row[self.case.target][nodes].tolist(), nodes.tolist()))
        p.seen_positive.append(node.get(int(self.positive[i]), -1))
        p.positive[i] = -1 if p.seen_positive[i] >= 0 else p.positive[i]
        p.negative[i] = [-1 if int(r) in node else seed for r, seed in zip(self.negative[i], p.negative[i])]
        p.seen += [n for r, n in node.items() if r != self.others[i]]
        p.seen_offsets.append(len(p.seen))
        outside = len(self.visible(self.time[i])) - len(node)
        p.log_weight.append(np.log(outside / max(1, (p.negative[i] >= 0).sum())))


def join(a, b):
    """One batch of two, whose subgraphs stay apart: nodes by hop, those of `a` first, whose seeds come first as well."""
    both = lambda x, y: {t: np.concatenate([x[t], y[t]]) for t in x}
    order = {t: np.argsort(hop, kind="stable") for t, hop in both(a.hop, b.hop).items()}
    place = {t: np.argsort(v) for t, v in order.items()}
    sorted_by_hop = lambda x, y: {t: v[order[t]] for t, v in both(x, y).items()}
    sources = {}
    for k in a.sources:
        shift = len(a.row[k[0]])
        lists = [place[k[0]][np.array(v, np.int64)] for v in a.sources[k] + [[n + shift for n in v] for v in b.sources[k]]]
        sources[k] = [lists[i] for i in order[k[2]]]
    owner = {t: v + len(a.seed_time) for t, v in b.owner.items()}
    return Batch(np.concatenate([a.seed_time, b.seed_time]), a.hops, sorted_by_hop(a.row, b.row), sorted_by_hop(a.owner, owner),
                 sorted_by_hop(a.hop, b.hop), sources)


def bpr_loss(vectors, pairs):
    """RelBench's, with several negatives: the mean over pairs and negatives."""
    score = lambda seeds: (vectors[pairs.source] * vectors[seeds]).sum(1)
    return torch.stack([softplus(score(n) - score(pairs.positive)) for n in pairs.negative.T]).mean()


def fusion_loss(vectors, logits, pairs):
    """Cross entropy of the positive among all candidates of its source; a negative outside counts exp(log_weight) times."""
    losses = []
    for i, source in enumerate(pairs.source):
        outside = lambda seed: vectors[source, :-1] @ vectors[seed, :-1] + vectors[source, -1]
        positive = logits[pairs.seen_positive[i]] if pairs.seen_positive[i] >= 0 else outside(pairs.positive[i])
        inside = [logits[n] for n in pairs.seen[pairs.seen_offsets[i] : pairs.seen_offsets[i + 1]] if n != pairs.seen_positive[i]]
        negatives = [outside(n) + float(pairs.log_weight[i]) for n in pairs.negative[i] if n >= 0]
        losses.append(torch.stack([positive, *inside, *negatives]).logsumexp(0) - positive)
    return torch.stack(losses).mean()
