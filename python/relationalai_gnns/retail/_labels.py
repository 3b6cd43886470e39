"""Label tables: what each customer did in the week after a day."""

from __future__ import annotations

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped,import-not-found,unused-ignore]

from ._draw import WEEK, timestamps
from ._sales import Lines


def churn(lines: Lines, customers: int, day: int) -> pa.Table:
    """timestamp, customer_id, churn: for who bought in the week up to and with `day`, 1 where he buys nothing in the week after it.

    Args:
        lines: by day.
        customers: how many there are.
        day: of the labels.
    """
    before, now, after = np.searchsorted(lines.day, [day - WEEK + 1, day + 1, day + 1 + WEEK])
    bought, next_week = np.zeros(customers, bool), np.zeros(customers, bool)
    bought[lines.customer[before:now]] = True
    next_week[lines.customer[now:after]] = True
    who = np.flatnonzero(bought)
    return pa.table(
        {"timestamp": timestamps(np.full(len(who), day)), "customer_id": pa.array(who), "churn": pa.array((~next_week[who]).astype(np.int64))}
    )


def purchases(lines: Lines, customers: int, day: int) -> pa.Table:
    """timestamp, customer_id, article_id: for who buys in the week after `day`, the list of what, each article once, ascending.

    Args:
        lines: by day.
        customers: how many there are.
        day: of the labels.
    """
    now, after = np.searchsorted(lines.day, [day + 1, day + 1 + WEEK])
    pairs = np.unique(lines.customer[now:after].astype(np.int64) << 32 | lines.article[now:after])
    who, first = np.unique(pairs >> 32, return_index=True)
    offsets = np.append(first, len(pairs)).astype(np.int32)
    articles = pa.ListArray.from_arrays(pa.array(offsets), pa.array(pairs & 0xFFFFFFFF))
    return pa.table({"timestamp": timestamps(np.full(len(who), day)), "customer_id": pa.array(who), "article_id": articles})
