"""The events of a job as they happen, across broken connections and restarts of the host."""

from __future__ import annotations

import json
import time
from typing import Any, Iterator, Optional

from ._http import SILENCE_S, Client, segment
from .errors import ConnectionError, HostTimeoutError

FINAL = ("COMPLETED", "FAILED", "CANCELED")

Event = dict[str, Any]


def past(client: Client, job_id: str, start: int) -> Iterator[Event]:
    """The events with seq >= start that there are."""
    for line in client.lines(_path(job_id), {"from": start}):
        if line.startswith(b"{"):
            yield json.loads(line)


def follow(
    client: Client, job_id: str, start: int, *, until: Optional[float] = None, num_retries: int = 3, retry_delay: float = 1.0
) -> Iterator[Event]:
    """The events with seq >= start until the job is final.

    Args:
        client: of the host.
        job_id: of the job.
        start: the first seq wanted; none comes twice and none is left out, however often the connection breaks.
        until: time.monotonic() at which it gives up with TimeoutError.
        num_retries: connections in a row that may break without a new event.
        retry_delay: seconds between them.

    Raises:
        ConnectionError: the host can't be reached any more.
        TimeoutError: `until` has come.
    """
    broken = 0
    while True:
        silence = SILENCE_S if until is None else min(SILENCE_S, until - time.monotonic())
        if silence <= 0:
            raise TimeoutError
        told = 0
        try:
            for line in client.lines(_path(job_id), {"from": start, "follow": True}, silence):
                if until is not None and time.monotonic() >= until:
                    raise TimeoutError
                if line.startswith(b"{"):
                    event: Event = json.loads(line)
                    start, broken, told = int(event["seq"]) + 1, 0, told + 1
                    yield event
        except HostTimeoutError:
            if until is not None and time.monotonic() >= until:
                raise TimeoutError from None
            broken += 1
            if broken > num_retries:
                raise
            continue
        except ConnectionError:
            broken += 1
            if broken > num_retries:
                raise
            time.sleep(retry_delay if broken > 1 else 0.1)
            client.get(f"/v1/jobs/{segment(job_id)}")  # finds a host that was started anew, or tells that there is none
            continue
        if told:
            continue  # a stream that was cut looks like one that ended: only one that has nothing more is the end
        if client.get(f"/v1/jobs/{segment(job_id)}")["state"] in FINAL:
            return
        time.sleep(0.2)  # the host ends, or was about to tell more


def _path(job_id: str) -> str:
    return f"/v1/jobs/{segment(job_id)}/events"
