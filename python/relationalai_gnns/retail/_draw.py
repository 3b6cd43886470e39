"""Random draws, each from a stream of its own, and columns made of few distinct texts."""

from __future__ import annotations

from typing import Optional, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped,import-not-found,unused-ignore]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

DAYS, WEEK = 719, 7  # days 0..718 are written; one more week decides the labels of the last day
ALL_DAYS = DAYS + WEEK
START = np.datetime64("2018-09-20", "us")

_SYLLABLES = [c + v for c in "b d f g h k l m n p r s t v z".split() for v in "aeiou"]


def stream(seed: int, *what_for: int) -> np.random.Generator:
    """The generator for one purpose: what is drawn for another changes nothing here."""
    return np.random.Generator(np.random.PCG64([seed, *what_for]))


def power_law_weights(n: int, exponent: float) -> Floats:
    """(n) weights (i + 3) ** -exponent: a few are large, and none is all."""
    return np.asarray((np.arange(n) + 3.0) ** -exponent, np.float64)


def power_law(rng: np.random.Generator, n: int, size: int, exponent: float) -> Integers:
    """(size) draws from 0..n-1 by those weights."""
    weights = np.cumsum(power_law_weights(n, exponent))
    return np.asarray(np.searchsorted(weights, rng.random(size) * weights[-1]))


def timestamps(days: npt.ArrayLike) -> pa.Array:
    """Day numbers as timestamps."""
    return pa.array(START + np.asarray(days).astype(np.int64) * np.timedelta64(86_400_000_000, "us"))


def by_code(codes: npt.ArrayLike, names: Sequence[str], missing: Optional[Booleans] = None) -> pa.Array:
    """names[code] for each row, dictionary encoded; null where `missing`."""
    distinct, position = np.unique(np.array(names, dtype=object), return_inverse=True)
    return pa.DictionaryArray.from_arrays(pa.array(position[np.asarray(codes)].astype(np.int32), mask=missing), pa.array(distinct))


def words(rng: np.random.Generator, count: int) -> list[str]:
    """Distinct made-up words, the first ones short."""
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(rng.choice(_SYLLABLES, 2 + len(found) * 2 // count))] = None
    return list(found)


def sentences(rng: np.random.Generator, vocabulary: Sequence[str], count: int, shortest: int, longest: int) -> list[str]:
    """(count) texts of so many words each."""
    lengths = rng.integers(shortest, longest + 1, count)
    chosen = np.array(vocabulary, dtype=object)[power_law(rng, len(vocabulary), int(lengths.sum()), 0.9)]
    return [" ".join(part) for part in np.split(chosen, np.cumsum(lengths)[:-1])]
