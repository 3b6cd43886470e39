"""The customers of the shop: who they are, what they like, how often and for how long they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped,import-not-found,unused-ignore]

from ._catalogue import GROUPS
from ._draw import ALL_DAYS, by_code, power_law, stream

CHUNK = 1 << 16  # customers that are made together


class Segment(NamedTuple):
    """Customers of one kind.

    share: of all customers. age, spread: mean and standard deviation. loyalty: factor on Group.again. visits: factor on how often they come.
    habit: the share of them who come in phases of several visits.
    """

    share: float
    age: float
    spread: float
    loyalty: float
    visits: float
    habit: float


SEGMENTS = (
    Segment(0.18, 20, 2.5, 0.5, 1.0, 0.15),
    Segment(0.17, 25, 3, 0.7, 1.2, 0.2),
    Segment(0.12, 31, 3, 1.0, 1.5, 0.5),
    Segment(0.11, 37, 4, 0.9, 1.2, 0.45),
    Segment(0.11, 43, 4, 0.6, 0.8, 0.2),
    Segment(0.12, 50, 4, 0.8, 0.9, 0.25),
    Segment(0.10, 57, 5, 1.1, 0.8, 0.35),
    Segment(0.09, 68, 6, 1.15, 0.7, 0.4),
)


@dataclass(frozen=True)
class Customers:
    """Some customers, numbered from `first` on; each array has one entry a customer.

    Attributes:
        segment: position in SEGMENTS. favourite: position in GROUPS of the group that he prefers beside what the segment does.
        rate: visits a day while he is active, but for a common factor.
        joined, left: the days between which he comes.
        habit: the chance that a visit is followed by several more in the next weeks.
        fading: how much more often he comes at the beginning than at the end; 0: as often.
        online: the share that he buys online.
    """

    first: int
    segment: npt.NDArray[np.int8]
    favourite: npt.NDArray[np.int8]
    rate: npt.NDArray[np.float32]
    joined: npt.NDArray[np.float32]
    left: npt.NDArray[np.float32]
    habit: npt.NDArray[np.float32]
    fading: npt.NDArray[np.float32]
    online: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.segment)


def tastes(seed: int) -> npt.NDArray[np.float64]:
    """(segments, groups): how much each segment takes from each group; rows sum to 1."""
    liking = np.exp(stream(seed, 1).normal(0, 1.3, (len(SEGMENTS), len(GROUPS))))
    liking /= liking.sum(1, keepdims=True)
    return np.asarray(liking)


def make_customers(seed: int, first: int, n: int, total: int) -> tuple[pa.Table, Customers]:
    """Customers first..first+n-1 of `total`: their table, and how they act."""
    rng = stream(seed, 2, first)
    segment = rng.choice(len(SEGMENTS), n, p=[s.share for s in SEGMENTS])
    of: npt.NDArray[Any] = np.array(SEGMENTS)[segment]
    age = (of[:, 1] + of[:, 2] * rng.normal(0, 1, n)).clip(16, 99).astype(np.int64)
    liked = np.cumsum(tastes(seed), 1)[segment]
    favourite = (liked < rng.random(n)[:, None]).sum(1).clip(0, len(GROUPS) - 1)
    rate = rng.lognormal(0, 1.2, n) * of[:, 4]
    joined = np.where(rng.random(n) < 0.45, 0, rng.uniform(0, ALL_DAYS, n))
    short = rng.random(n) < 0.35
    stays = rng.exponential(np.where(short, 60, 900), n)
    left = np.minimum(joined + 1 + stays, ALL_DAYS)
    fading = np.where(rng.random(n) < 0.5, rng.uniform(2, 6, n), 0) * (left < ALL_DAYS)
    comes_often = rng.random(n) < of[:, 5]
    habit = np.where(comes_often, 0.16, 0.05)
    reads_news = rng.random(n) < 0.1 + 0.2 * (rate > 1) + 0.4 * comes_often
    ones = np.ones(n)
    postal_codes = max(1, total // 4)
    code, position = np.unique(power_law(rng, postal_codes, n, 0.4), return_inverse=True)
    table = pa.table(
        {
            "customer_id": pa.array(np.arange(first, first + n)),
            "FN": pa.array(ones, mask=~reads_news),
            "Active": pa.array(ones, mask=~(reads_news & (rng.random(n) < 0.98))),
            "club_member_status": by_code(
                rng.choice(3, n, p=[0.93, 0.0697, 0.0003]), ["ACTIVE", "PRE-CREATE", "LEFT CLUB"], rng.random(n) < 0.004
            ),
            "fashion_news_frequency": by_code(reads_news.astype(int), ["NONE", "Regularly"], rng.random(n) < 0.012),
            "age": pa.array(age, mask=rng.random(n) < 0.012),
            "postal_code": by_code(position, [f"{int(i) * 2654435761 % 2**40:010x}" for i in code]),
        }
    )
    small = [a.astype(np.float32) for a in (rate, joined, left, habit, fading, rng.beta(2, 0.9, n))]
    return table, Customers(first, segment.astype(np.int8), favourite.astype(np.int8), *small)
