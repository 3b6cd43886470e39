"""A queue of small jobs while the host and its jobs are killed at random: none lost, none done twice, all results as undisturbed."""
import json
import os
import random
import signal
import subprocess
import time

import duckdb
import pyarrow.parquet as pq
import pytest
from host_process import FINAL, HostProcess, fit_request
from shop import Shop

JOBS = 20
CONFIG = {"n_epochs": 40, "channels": 16, "encoder_blocks": 2, "fanouts": [8, 4], "train_batch_size": 8, "patience": None,
          "checkpoint_every_steps": 5, "threads": 1}


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path)
    shop.spec["config"] |= CONFIG
    return shop.write()


def request(shop, number, attempt=0):
    """Jobs 0, 2, 4, ... train; the others predict as well and write embeddings too, into one of three databases or into files."""
    request = {**fit_request(shop, seed=number), "engine": f"e{number % 3}"}
    if number % 2 == 0:
        return request
    output = {"kind": "duckdb", "database": str(shop.folder / f"out{number % 3}.duckdb"), "alias": f"J{number}_{attempt}"}
    if number % 4 == 1:
        output = {"kind": "files", "folder": str(shop.folder / "files"), "alias": f"J{number}_{attempt}"}
    return {**request, "kind": "fit_predict", "output": output, "options": {"extract_embeddings": True}}


def undisturbed(rle, shop, number):
    """The validation metrics of the same job from the command line."""
    result = rle("fit", shop.folder / "spec.json", "--model", shop.folder / f"m{number}", "--set", f"config.seed={number}", "--json", "--quiet")
    assert result.returncode == 0, result.stderr
    return next(s["metrics"] for s in json.loads(result.stdout)["scores"] if s["split"] == "validation")


class Disturbance:
    """Kills the host or one of its jobs, and keeps the number of both."""

    def __init__(self, host, seed):
        self.host, self.random = host, random.Random(seed)
        self.hosts = self.children = 0

    def once(self):
        time.sleep(self.random.uniform(0.02, 0.3))
        children = self.host.children()
        if children and self.random.random() < 0.3:
            try:
                os.kill(self.random.choice(children), signal.SIGKILL)
                self.children += 1
                return
            except ProcessLookupError:
                pass
        self.host.kill()
        self.hosts += 1
        self.host.start()


@pytest.mark.parametrize("kills", [15, pytest.param(100, marks=pytest.mark.slow)])
def test_a_queue_survives_kills(rle_program, rle, shop, tmp_path, kills):
    expected = {n: undisturbed(rle, shop, n) for n in range(JOBS)}
    with HostProcess(rle_program, tmp_path / "state") as host:
        for engine in range(3):
            host.post("/v1/engines", {"name": f"e{engine}"})
        attempts = dict.fromkeys(range(JOBS), 0)
        jobs = {n: host.submit(request(shop, n), key=f"job-{n}")["id"] for n in range(JOBS)}
        disturbance = Disturbance(host, seed=kills)
        done = {}
        while len(done) < JOBS or disturbance.hosts + disturbance.children < kills:
            if disturbance.hosts + disturbance.children < kills:
                disturbance.once()
            else:
                time.sleep(0.1)
            for n in set(range(JOBS)) - set(done):
                job = host.get(f"/v1/jobs/{jobs[n]}").json
                if job["state"] == "COMPLETED":
                    done[n] = job
                elif job["state"] == "FAILED":  # we killed it: a user submits it again
                    assert job["error"]["type"].endswith((":killed", ":out-of-memory")), job["error"]
                    attempts[n] += 1
                    jobs[n] = host.submit(request(shop, n, attempts[n]), key=f"job-{n}-{attempts[n]}")["id"]
            # What was acknowledged is there, under the same key.
            n = disturbance.random.randrange(JOBS)
            key = f"job-{n}" if attempts[n] == 0 else f"job-{n}-{attempts[n]}"
            assert host.submit(request(shop, n, attempts[n]), key=key)["id"] == jobs[n]
        assert disturbance.hosts > kills / 3 and len(host.get("/v1/jobs?limit=1000").json["jobs"]) == JOBS + sum(attempts.values())
        for n, job in done.items():
            assert job["result"]["validation_metrics"] == pytest.approx(expected[n], rel=1e-12), f"job-{n}"
            events = host.events(job["id"])
            assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
            assert [e["state"] for e in events if e["type"] == "state" and e["state"] in FINAL] == ["COMPLETED"]
    rows = {}
    for engine in range(3):
        with duckdb.connect(str(shop.folder / f"out{engine}.duckdb"), read_only=True) as connection:
            for (table,) in connection.execute("select table_name from information_schema.tables").fetchall():
                rows[table] = connection.execute(f'select count(*) from "{table}"').fetchone()[0]
    for path in (shop.folder / "files").iterdir():
        rows[path.stem] = pq.read_metadata(path).num_rows
    for n in range(1, JOBS, 2):
        for name in ("PREDICTIONS", "EMBEDDINGS_CUSTOMER"):
            assert rows[f"{name}_J{n}_{attempts[n]}"] == len(shop.tables["test"]["again"]), "each output once, whole"
    assert len(rows) % 2 == 0 and not [name for name in rows if name.startswith(".")], "all outputs of a job or none"
    assert subprocess.run(["pgrep", "-f", str(tmp_path / "state")], capture_output=True, check=False).returncode == 1, "no process is left"
