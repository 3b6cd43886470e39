"""What else is installed that this package can't live beside."""

from __future__ import annotations

import functools
import warnings

PUBLISHED = "relationalai-gnns"


@functools.cache
def warn_of_the_published_package() -> None:
    """One warning where the distribution of the same import name is installed too: both put their files into one folder."""
    import importlib.metadata

    try:
        version = importlib.metadata.distribution(PUBLISHED).version
    except importlib.metadata.PackageNotFoundError:
        return
    warnings.warn(
        f"{PUBLISHED} {version} is installed beside gnn-rle, and both are imported as relationalai_gnns: files of one overwrite those of the other. "
        f"Keep one in an environment: pip uninstall {PUBLISHED} gnn-rle, then install the one that you want.",
        stacklevel=4,
    )
