"""Plain-text tables for what is printed."""

from __future__ import annotations

from typing import Sequence


def table_text(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their longest cell, a line under the header, no trailing blanks."""
    cells = [list(map(str, headers)), *(list(map(str, r)) for r in rows)]
    widths = [max(len(r[i]) for r in cells) for i in range(len(headers))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip() for r in cells]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])
