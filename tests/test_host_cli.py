"""The commands of `rle` that speak to an engine host."""
import json

import pytest
from host_process import HostProcess
from shop import Shop


@pytest.fixture(scope="module")
def host(rle_program, tmp_path_factory):
    with HostProcess(rle_program, tmp_path_factory.mktemp("host") / "state") as running:
        yield running


@pytest.fixture
def ask(rle, host):
    """Calls `rle ARGS... --state STATE`."""
    return lambda *args, code=0: checked(rle(*args, "--state", host.state), code)


def checked(result, code):
    assert result.returncode == code, result.stderr
    return result


def test_engines(ask):
    assert "default" in ask("engines").stdout
    assert json.loads(ask("engines", "create", "other", "--size", "HIGHMEM_X64_S", "--json").stdout)["name"] == "other"
    assert "SUSPENDED" in ask("engines", "suspend", "other").stdout
    assert "READY" in ask("engines", "resume", "other").stdout
    ask("engines", "delete", "other", "--force")
    assert [e["name"] for e in json.loads(ask("engines", "list", "--json").stdout)["engines"]] == ["default"]
    assert "did you mean '--force'" in ask("engines", "delete", "other", "--forse", code=2).stderr
    assert "other" in ask("engines", "delete", "other", code=2).stderr


def test_submit_follow_and_look(ask, tmp_path):
    Shop(tmp_path).write()
    (tmp_path / "out").mkdir()
    submitted = ask("submit", "spec.json", "--kind", "fit_predict", "--output", tmp_path / "out", "--alias", "a", "--set", "config.n_epochs=1", "--follow")
    job = submitted.stdout.strip()
    assert "COMPLETED" in submitted.stderr and (tmp_path / "out" / "PREDICTIONS_A.parquet").exists()
    assert job in ask("jobs").stdout and json.loads(ask("jobs", job).stdout)["state"] == "COMPLETED"
    assert "epoch 1/1" in ask("logs", job).stderr
    events = [json.loads(line) for line in ask("logs", job, "--json").stdout.splitlines()]
    assert events[0]["seq"] == 1 and events[-1]["state"] == "COMPLETED"
    assert "COMPLETED" in ask("cancel", job, code=2).stderr
    assert ask("jobs", "--status", "FAILED").stdout.strip() == "JOB  KIND  STATE  ENGINE  EPOCH  CREATED"


def test_token(ask, host, rle):
    assert ask("token", "show").stdout.strip() == host.token
    named = rle("jobs", "--host", host.about["url"], "--token-file", host.state / "token", "--json")
    assert json.loads(named.stdout).keys() == {"jobs", "next"}
    by_environment = rle("jobs", env={"RLE_HOST": host.about["url"], "RLE_TOKEN": host.token})
    assert by_environment.returncode == 0
    former = host.token
    host.token = ask("token", "rotate").stdout.strip()
    host.wait_for(lambda: host.get("/v1/host", token=former).status == 401)
    assert host.get("/v1/host").status == 200


def test_no_host(rle, tmp_path):
    assert "no host runs there" in checked(rle("jobs", "--state", tmp_path), 2).stderr
    assert "no connection" in checked(rle("jobs", "--host", "http://127.0.0.1:9", env={"RLE_TOKEN": "x" * 16}), 1).stderr
    assert "no URL" in checked(rle("jobs", "--host", "ftp://x", env={"RLE_TOKEN": "x" * 16}), 2).stderr
