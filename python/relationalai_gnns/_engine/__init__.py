"""The engine inside this package, where it was installed with one: librle.so, called by ctypes as the command `rle`.

One library serves every version of Python. The host starts its jobs by the command line in RLE_SELF, and finds DuckDB in
the package `duckdb` by RLE_DUCKDB_LIBRARY; both are set here where they are not set already.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from typing import Optional

LIBRARY = Path(__file__).parent / "librle.so"


def duckdb_library() -> Optional[str]:
    """The library with DuckDB's C interface that comes in the package duckdb; None: it is not installed."""
    for module in ("_duckdb", "duckdb.duckdb"):
        try:
            spec = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            continue
        if spec is not None and spec.origin is not None:
            return spec.origin
    return None


def main(arguments: Optional[list[str]] = None) -> int:
    """`rle ARGUMENTS...`; returns its exit code. arguments: None: those of this process."""
    if not LIBRARY.exists():
        print("rle: this installation of relationalai_gnns has no engine", file=sys.stderr)
        return 1
    os.environ.setdefault("RLE_SELF", json.dumps([sys.executable, "-m", __name__]))
    found = duckdb_library()
    if found is not None:
        os.environ.setdefault("RLE_DUCKDB_LIBRARY", found)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(each, signal.SIG_DFL)  # the engine has its own ways with them; Python's would wait for the call's end
    words = ["rle", *(sys.argv[1:] if arguments is None else arguments)]
    argv = (ctypes.c_char_p * (len(words) + 1))(*(os.fsencode(w) for w in words), None)
    sys.stdout.flush()
    return int(ctypes.CDLL(str(LIBRARY), mode=ctypes.RTLD_LOCAL).rle_main(len(words), argv))
