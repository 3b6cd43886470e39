"""A job as HTML for notebooks: its state, its best epoch, and its curves as inline SVG."""

from __future__ import annotations

import math
from html import escape
from typing import Any, Mapping, Optional, Sequence

from ._events import Event

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420, 170, 52, 52, 14, 26
LOSS, METRIC = "#1f5fa8", "#c2571a"
_COLORS = {"COMPLETED": "#2b7a3d", "FAILED": "#b3261e", "CANCELED": "#7a5a00", "RUNNING": LOSS, "QUEUED": "#555"}


def job_html(job: Mapping[str, Any], epochs: Sequence[Event]) -> str:
    """The whole summary.

    Args:
        job: as the host tells it.
        epochs: its `epoch` events.
    """
    state = str(job.get("state"))
    rows = [
        ("job", escape(str(job.get("id")))),
        ("state", f'<b style="color:{_COLORS.get(state, "#555")}">{escape(state)}</b>'),
        ("kind", escape(str(job.get("kind")))),
    ]
    if job.get("experiment_name"):
        rows.append(("experiment", escape(str(job["experiment_name"]))))
    rows += _progress_rows(job)
    for output in job.get("outputs") or []:
        rows.append(
            (
                str(output.get("role", "output")),
                escape(f"{output.get('path')}{'::' + output['table'] if output.get('table') else ''} ({output.get('rows')} rows)"),
            )
        )
    rows += [("warning", escape(str(w))) for w in job.get("warnings") or []]
    if job.get("error"):
        rows.append(("error", f'<span style="color:{_COLORS["FAILED"]}">{escape(str(job["error"].get("detail")))}</span>'))
    table = "".join(
        f'<tr><td style="text-align:left;color:#777">{escape(name)}</td><td style="text-align:left">{value}</td></tr>'
        for name, value in rows
    )
    return f'<div><table style="display:inline-table;vertical-align:top">{table}</table>{curves_svg(epochs)}</div>'


def _progress_rows(job: Mapping[str, Any]) -> list[tuple[str, str]]:
    progress, result = job.get("progress") or {}, job.get("result") or {}
    if result.get("best_epoch") is not None:
        rows = [("best epoch", f"{result['best_epoch']} of {result.get('epochs')}")]
        for split in ("validation_metrics", "test_metrics"):
            rows += (
                [(split.split("_")[0], escape(", ".join(f"{k} {v:.4g}" for k, v in result[split].items() if isinstance(v, (int, float)))))]
                if result.get(split)
                else []
            )
        return rows
    if progress.get("epoch") is not None:
        return [("epoch", f"{progress['epoch']} of {progress.get('epochs')}, batch {progress.get('step')} of {progress.get('steps')}")]
    if job.get("queue_position") is not None:
        return [("in the queue", str(job["queue_position"]))]
    return []


def curves_svg(epochs: Sequence[Event]) -> str:
    """Training loss (left axis) and the validation metric (right axis) over epochs; "" where there is nothing to draw."""
    loss = [(int(e["epoch"]), float(e["loss"])) for e in epochs if e.get("loss") is not None and math.isfinite(e["loss"])]
    name = next((str(k) for e in epochs for k in (e.get("validation") or {})), None)
    metric = [
        (int(e["epoch"]), float(e["validation"][name]))
        for e in epochs
        if name is not None and (e.get("validation") or {}).get(name) is not None
    ]
    if not loss:
        return ""
    last = max(x for x, _ in loss)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="10">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<path d="M{LEFT},{TOP} V{HEIGHT - BOTTOM} H{WIDTH - RIGHT} V{TOP}" fill="none" stroke="#999"/>',
        f'<text x="{LEFT}" y="{HEIGHT - 8}">1</text><text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">epoch {last}</text>',
        _line(loss, last, LOSS, "loss", at_left=True),
    ]
    if metric and name is not None:
        parts.append(_line(metric, last, METRIC, name, at_left=False))
    return "".join([*parts, "</svg>"])


def _line(points: Sequence[tuple[int, float]], last: int, color: str, name: str, *, at_left: bool) -> str:
    low, high = min(y for _, y in points), max(y for _, y in points)
    span = (high - low) or 1.0
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    placed = [
        (
            LEFT + (width * (x - 1) / (last - 1) if last > 1 else width / 2),
            TOP + height * (1 - (y - low) / span) if high > low else TOP + height / 2,
        )
        for x, y in points
    ]
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    x, anchor = (LEFT - 4, "end") if at_left else (WIDTH - RIGHT + 4, "start")
    title_x, title_anchor = (LEFT + 4, "start") if at_left else (WIDTH - RIGHT - 4, "end")
    dots = "".join(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2" fill="{color}"/>' for px, py in placed)
    labels = f'<text x="{x}" y="{TOP + 8}" text-anchor="{anchor}" fill="{color}">{high:.4g}</text>'
    if high > low:
        labels += f'<text x="{x}" y="{HEIGHT - BOTTOM}" text-anchor="{anchor}" fill="{color}">{low:.4g}</text>'
    labels += f'<text x="{title_x}" y="{TOP - 4}" text-anchor="{title_anchor}" fill="{color}">{escape(name)}</text>'
    return f'<polyline points="{drawn}" fill="none" stroke="{color}" stroke-width="1.5"/>{dots}{labels}'


def short_time(text: Optional[str]) -> str:
    """ "2026-01-02T03:04:05.678Z" as "2026-01-02 03:04:05"; "" for None."""
    return "" if text is None else text[:19].replace("T", " ")
