"""The host of this machine: found, started once however many ask at once, started again when it ended, refused with its log.

The engine here is a script that does what `rle serve` does about its state folder and serves the fake host.
"""

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

ENGINE = """\
#!{python}
import fcntl, json, os, sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
args = sys.argv[1:]
assert args[0] == "serve" and args[args.index("--listen") + 1] == "127.0.0.1:0" and args[args.index("--idle-minutes") + 1] == "15", args
state = Path(args[args.index("--state") + 1])
with open(state / "starts", "a") as starts:
    starts.write(f"{{os.getpid()}}\\n")
lock = open(state / "lock", "a")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit("another host has the state folder")
{fault}
from fake_host import FakeHost
with FakeHost(state, token="made-by-the-host") as host:
    (state / "token").write_text(host.token)
    (state / "host.json.new").write_text(json.dumps({{"url": host.url, "pid": os.getpid(), "version": "0", "api": "v1"}}))
    os.replace(state / "host.json.new", state / "host.json")
    time.sleep(60)
"""
ASK = "from relationalai_gnns import LocalConnector; c = LocalConnector(); print(c.endpoint_url, c.is_local)"


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A state folder, with an environment in which LocalConnector() uses it; what was started there is ended afterwards."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("RLE_TOKEN", raising=False)
    folder = tmp_path / "state" / "gnn-rle"
    yield folder
    if (folder / "starts").exists():
        for pid in (folder / "starts").read_text().split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Makes the engine; `fault` is Python that it runs before it serves."""

    def make(fault=""):
        script = ENGINE.format(python=sys.executable, tests=str(Path(__file__).parent), fault=fault)
        (tmp_path / "engine").write_text(script)
        (tmp_path / "engine").chmod(0o755)
        monkeypatch.setenv("RLE_ENGINE", str(tmp_path / "engine"))
        return tmp_path / "engine"

    return make


def ask(root):
    return subprocess.Popen(
        [sys.executable, "-c", ASK],
        env={**os.environ, "PYTHONPATH": str(root / "python")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_that_ask_at_once_end_with_one_host(state, engine, root):
    engine("time.sleep(0.3)")
    asking = [ask(root) for _ in range(5)]
    answers = [p.communicate(timeout=60) for p in asking]
    assert {p.returncode for p in asking} == {0}, answers
    assert len({out for out, _ in answers}) == 1 and answers[0][0].endswith("True\n")
    assert len((state / "starts").read_text().split()) == 1
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    again = ask(root).communicate(timeout=60)
    assert again[0] == answers[0][0]


def test_the_host_outlives_the_process_that_started_it(state, engine, root):
    engine()
    assert ask(root).communicate(timeout=60)[0]
    pid = json.loads((state / "host.json").read_text())["pid"]
    assert os.getsid(pid) == pid  # a session of its own: a Ctrl-C in the terminal does not reach it
    assert os.path.samefile(f"/proc/{pid}/fd/1", state / "host.log") and os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"


def test_a_host_that_ended_is_started_again_by_the_next_call(state, engine, school):
    from relationalai_gnns import GNNTable, LocalConnector

    engine()
    connector = LocalConnector()
    first = connector.endpoint_url
    os.kill(json.loads((state / "host.json").read_text())["pid"], signal.SIGKILL)
    time.sleep(0.2)
    assert GNNTable(connector, str(school / "classes.parquet"), "C", primary_key="classId").rows == 8
    assert connector.endpoint_url != first and len((state / "starts").read_text().split()) == 2


def test_what_a_dead_host_left_behind_is_no_host(state, engine):
    from relationalai_gnns import LocalConnector

    engine()
    state.mkdir(parents=True)
    for left in (
        "nonsense",
        json.dumps({"url": "http://127.0.0.1:9", "pid": os.getpid()}),
        json.dumps({"url": "http://127.0.0.1:9", "pid": 2**22 - 3}),
    ):
        (state / "host.json").write_text(left)
        (state / "token").write_text("old")
    assert LocalConnector().about["api"] == "v1"


def test_the_token_of_this_machines_host_is_found_for_its_url(state, engine):
    from relationalai_gnns import LocalConnector, Provider

    engine()
    own = LocalConnector()
    other = LocalConnector(url=own.endpoint_url)
    assert other.is_local and [e["name"] for e in Provider().list_gnns()] == ["default"]


def test_a_host_that_does_not_start_is_told_with_its_log(state, engine):
    from relationalai_gnns import HostStartError, LocalConnector

    engine('sys.exit("no room for a database")')
    started = time.monotonic()
    with pytest.raises(
        HostStartError, match="(?s)the host that was started ended with code 1: .* serve --state .*no room for a database.*host.log"
    ):
        LocalConnector()
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "fault,text", [(None, "RLE_ENGINE names .*absent.*, which is no program"), ("", "there is no engine on this machine")]
)
def test_without_an_engine(state, tmp_path, monkeypatch, fault, text):
    from relationalai_gnns import HostStartError, LocalConnector

    monkeypatch.setenv("PATH", str(tmp_path))
    if fault is None:
        monkeypatch.setenv("RLE_ENGINE", str(tmp_path / "absent"))
    else:
        monkeypatch.delenv("RLE_ENGINE", raising=False)
    with pytest.raises(HostStartError, match=text):
        LocalConnector()


def test_the_engine_of_path(state, engine, tmp_path, monkeypatch):
    from relationalai_gnns._local_host import engine_command

    engine().rename(tmp_path / "rle")
    monkeypatch.delenv("RLE_ENGINE")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engine_command() == [str(tmp_path / "rle")]


def test_a_host_that_a_lock_belongs_to_is_waited_for(state, engine, root):
    """A process that died while it started a host leaves the lock free; one that lives is waited for."""
    engine()
    state.mkdir(parents=True)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(f"""
        import fcntl, time
        lock = open({str(state / 'start.lock')!r}, 'a'); fcntl.flock(lock, fcntl.LOCK_EX); print('held', flush=True); time.sleep(0.7)"""),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    started = time.monotonic()
    assert ask(root).communicate(timeout=60)[0]
    assert time.monotonic() - started > 0.5
    holder.wait()


def test_a_host_that_is_about_to_end_is_waited_for(state, engine):
    """It has removed host.json, and keeps the folder until its jobs have written a checkpoint."""
    from relationalai_gnns import LocalConnector

    engine()
    state.mkdir(parents=True)
    script = f"import fcntl, time; lock = open({str(state / 'lock')!r}, 'a'); fcntl.flock(lock, fcntl.LOCK_EX); print('held', flush=True); time.sleep(1.5)"
    former = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert former.stdout.readline() == "held\n"
    assert LocalConnector().about["api"] == "v1"
    former.wait()
