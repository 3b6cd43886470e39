"""Made-up retail data of the size and shape of the H&M data set: customers, articles, purchases, and two tasks on them.

    python -m relationalai_gnns.retail FOLDER --scale 0.01

Nothing in it is real. What it has in common with shops, so that there is something to learn:
  - a few articles sell most, and customers differ in how often they come;
  - tastes: each customer belongs to a segment (not told, but age goes with it), each segment prefers some garment groups, and
    each customer one of them;
  - purchases are repeated: who needs socks again mostly takes the same ones, who wants another dress seldom does;
  - fashions: articles appear, sell and fade, basics stay; swimwear sells in summer, knitwear in winter;
  - churn: some customers' visits thin out before they end.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Callable, Union

from .. import _check as check
from ..errors import MissingPackageError


def make_retail(
    folder: Union[str, "os.PathLike[str]"],
    scale: float = 0.01,
    seed: int = 7,
    train_weeks: int = 20,
    report: Callable[[str], None] = print,
) -> Path:
    """Writes the data as Parquet files. The same arguments, numpy and pyarrow give the same bytes.

    folder/db: customers, articles, transactions. folder/tasks/churn and folder/tasks/purchases: train, validation, test.
    folder/churn.yaml and folder/purchases.yaml: specifications for `rle fit`.

    Args:
        folder: made where it is absent; files of these names are replaced.
        scale: 1 is 1,371,980 customers, 105,542 articles and 15,187,287 transactions; at least 0.001.
        seed: another one makes another shop.
        train_weeks: label times in the train tables, 1 to 100; one more week is validation, and the last one test.
        report: is given a line a file.

    Returns:
        The folder.

    Raises:
        ValidationError: an argument is out of bounds.
        MissingPackageError: numpy or pyarrow is not installed.
    """
    scale = check.number("scale", scale, 0.001)
    seed = check.integer("seed", seed, 0, 2**63 - 1)
    train_weeks = check.integer("train_weeks", train_weeks, 1, 100)
    missing = [p for p in ("numpy", "pyarrow") if importlib.util.find_spec(p) is None]
    if missing:
        needed = " ".join(missing)
        raise MissingPackageError(f"make_retail() needs the package {needed}", advice=f"pip install {needed}")
    from ._files import write

    write(Path(folder), scale, seed, train_weeks, report)
    return Path(folder)
