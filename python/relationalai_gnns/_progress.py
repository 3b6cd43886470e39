"""Progress of a job in a terminal or a notebook: one bar an epoch with loss and metric, one for each scoring, and log lines."""

from __future__ import annotations

import sys
import warnings
from typing import Any, Optional

from ._events import Event


def _new_bar(**arguments: Any) -> Any:
    """A bar of tqdm: widgets in a notebook that has them, text elsewhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from tqdm.auto import tqdm

            return tqdm(**arguments)
        except ImportError:
            from tqdm import tqdm as plain

            return plain(**arguments)


class ProgressBars:
    """Draws what events tell. Used as a context manager, so that bars are closed however it ends. One thread."""

    def __init__(self, show_logs: bool) -> None:
        """show_logs: log lines are printed to stdout, above the bar; bars go to stderr."""
        self._show_logs = show_logs
        self._bar: Any = None
        self._key: Optional[tuple[str, int]] = None  # ("epoch", 3) or ("rows", 2)
        self._scorings = 0  # that began; several tables are scored one after the other
        self._scored = (0, 0)  # rows done and in all, as last told
        self._steps = 1  # of an epoch, as last told: an epoch may be over before any of its batches is told

    def __enter__(self) -> "ProgressBars":
        return self

    def __exit__(self, *ignored: object) -> None:
        self._close()

    def show(self, event: Event) -> None:
        """One event."""
        kind = event["type"]
        if kind == "progress":
            self._steps = int(event.get("steps") or 0)
            self._open(("epoch", int(event["epoch"])), f"epoch {event['epoch']}/{event['epochs']}", self._steps, "batch")
            if event.get("loss") is not None:
                self._bar.set_postfix_str(f"loss {float(event['loss']):.4g}", refresh=False)
            self._to(int(event.get("step") or 0))
        elif kind == "epoch":
            self._end_of_epoch(event)
        elif kind == "scored":
            self._score(int(event.get("done") or 0), int(event.get("rows") or 0))
        elif kind == "log" and self._show_logs:
            self._print(str(event.get("text", "")))
        elif kind == "state" and self._show_logs:
            reason = f": {event['reason']}" if event.get("reason") else ""
            self._print(f"{event['state']}{reason}")

    def _end_of_epoch(self, event: Event) -> None:
        self._open(("epoch", int(event["epoch"])), f"epoch {event['epoch']}/{event['epochs']}", self._steps, "batch")
        said = [f"loss {float(event['loss']):.4g}"] if event.get("loss") is not None else []
        said += [f"{name} {float(value):.4g}" for name, value in list((event.get("validation") or {}).items())[:1] if value is not None]
        if event.get("best"):
            said.append("best so far")
        self._bar.set_postfix_str(", ".join(said), refresh=False)
        self._to(self._bar.total or 1)
        self._close()

    def _score(self, done: int, rows: int) -> None:
        if rows != self._scored[1] or done <= self._scored[0]:
            self._scorings += 1
        self._scored = (done, rows)
        self._open(("rows", self._scorings), "scoring", rows, "row")
        self._to(done)

    def _open(self, key: tuple[str, int], title: str, total: int, unit: str) -> None:
        if self._key == key:
            return
        self._close()
        self._bar = _new_bar(total=total or None, desc=title, unit=unit, leave=True)
        self._key = key

    def _to(self, done: int) -> None:
        self._bar.update(max(0, done - self._bar.n))

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.refresh()
            self._bar.close()
        self._bar = self._key = None

    def _print(self, text: str) -> None:
        if self._bar is None:
            print(text, flush=True)
        else:
            self._bar.write(text, file=sys.stdout)
