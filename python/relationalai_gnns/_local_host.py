"""The host of this machine: found by its state folder, started where none runs.

One host per user and state folder. Processes that start at once take turns at `start.lock`; the host itself holds `lock`.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Optional

from ._http import Address, Client
from .errors import ConnectionError, GNNError, HostStartError

IDLE_MINUTES = 15
START_S = 20.0  # from the start of the process to its first answer

_started: "list[subprocess.Popen[bytes]]" = []  # by this process; those that ended are reaped at the next start


def _let_go() -> None:
    """At the end of this process the hosts that it started go on: their handles are not waited for."""
    for process in _started:
        process.returncode = process.poll() or 0


atexit.register(_let_go)


def state_folder() -> Path:
    """`$XDG_STATE_HOME/gnn-rle`, else `~/.local/state/gnn-rle`."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "gnn-rle"


def engine_command() -> list[str]:
    """The command line that starts `rle`: what RLE_ENGINE names, the engine inside this package, or `rle` of PATH.

    Raises:
        HostStartError: there is no engine on this machine.
    """
    named = os.environ.get("RLE_ENGINE")
    if named:
        path = shutil.which(named)
        if path is None:
            raise HostStartError(f'RLE_ENGINE names "{named}", which is no program')
        return [os.path.abspath(path)]
    if (Path(__file__).parent / "_engine" / "librle.so").exists():
        return [sys.executable, "-m", "relationalai_gnns._engine"]
    path = shutil.which("rle")
    if path is not None:
        return [path]
    raise HostStartError(
        "there is no engine on this machine: this installation of relationalai_gnns comes without one, and PATH has no `rle`",
        advice="Set RLE_ENGINE to the path of `rle`, or name a host that runs elsewhere: LocalConnector(url=..., token=...).",
    )


def find(state: Path) -> Optional[Address]:
    """The address of the host that runs on this state folder and answers; None where none does."""
    try:
        told = json.loads((state / "host.json").read_text())
        address = Address(str(told["url"]).rstrip("/"), (state / "token").read_text().strip())
        os.kill(int(told["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        Client(address).get("/v1/host")
    except ConnectionError:
        return None
    except GNNError:
        return address  # it answers; what it says is told by the first request
    return address


def find_or_start(state: Optional[Path] = None) -> Address:
    """The address of this machine's host, which is started where none runs.

    Raises:
        HostStartError: there is no engine, or it ended at once; the text has the last lines of its log.
    """
    folder = state or state_folder()
    _started[:] = [process for process in _started if process.poll() is None]
    found = find(folder)
    if found is not None:
        return found
    command = engine_command()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(folder / "start.lock", "a") as lock:
        _take(lock)
        return find(folder) or _start(folder, command)


def _take(lock: IO[str]) -> None:
    """Waits for the lock, which ends with the process that holds it, for as long as a start may take."""
    import fcntl

    until = time.monotonic() + START_S + 5
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise HostStartError(
                    f"another process has been starting the host for {START_S + 5:.0f} s ({lock.name} is locked)"
                ) from None
            time.sleep(0.05)


def _start(folder: Path, command: list[str]) -> Address:
    line = [*command, "serve", "--state", str(folder), "--listen", "127.0.0.1:0", "--idle-minutes", str(IDLE_MINUTES)]
    until = time.monotonic() + START_S
    while True:
        before = _end_of(folder / "host.log")
        process = _spawn(line, folder / "host.log")
        address = _until_it_answers(process, folder, until)
        if address is not None:
            return address
        if process.poll() is None:
            what = f"did not answer within {START_S:.0f} s"
            break
        if not _wait_for_former_host(folder, until):
            what = f"ended with code {process.returncode}"
            break
    raise HostStartError(
        f"the host that was started {what}: {' '.join(line)}\n{_tail(folder / 'host.log', before)}",
        advice=f"Its log is {folder / 'host.log'}.",
    )


def _spawn(line: list[str], log_path: Path) -> "subprocess.Popen[bytes]":
    with open(log_path, "ab") as log:
        try:
            process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True)
        except OSError as error:
            raise HostStartError(f"the host can't be started: {line[0]}: {error.strerror}") from error
    _started.append(process)
    return process


def _until_it_answers(process: "subprocess.Popen[bytes]", folder: Path, until: float) -> Optional[Address]:
    """Its address; None: it ended, or `until` has come."""
    while time.monotonic() < until:
        ended = process.poll() is not None
        address = find(folder)
        if address is not None:
            return address
        if ended:
            return None
        time.sleep(0.05)
    return None


def _wait_for_former_host(folder: Path, until: float) -> bool:
    """Whether the reason was a host that is about to end and still had the folder; it is waited for."""
    if not _is_locked(folder / "lock"):
        return False
    while _is_locked(folder / "lock"):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def _is_locked(path: Path) -> bool:
    import fcntl

    try:
        with open(path, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _end_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _tail(path: Path, start: int, lines: int = 15) -> str:
    try:
        with open(path, "rb") as file:
            file.seek(start)
            text = file.read(1 << 16).decode(errors="replace").strip()
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:]) or "it said nothing"
