"""What a host does when its disk is full, its record is locked, or a client dies."""
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from host_process import HostProcess, fit_request
from shop import Shop


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path)
    shop.spec["config"] |= {"n_epochs": 1, "max_iters": 2, "threads": 1}
    return shop.write()


def may_mount():
    return shutil.which("unshare") and subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(rle_program, tmp_path):
    """A program like `rle` whose state folder is on a disk of 6 MiB, in a user namespace of its own."""
    if not may_mount():
        pytest.skip("NOT RUN: user namespaces are forbidden here, so there is no small disk")
    script = tmp_path / "rle-on-a-small-disk"
    script.write_text(f'#!/bin/sh\nmkdir -p "$3"\nexec unshare -rm sh -c \'mount -t tmpfs -o size=6m tmpfs "$1" && shift && exec {rle_program} "$@"\' sh "$3" "$@"\n')
    script.chmod(0o755)
    return script


class HostOnASmallDisk(HostProcess):
    def seen(self, path):
        return Path(f"/proc/{self.process.pid}/root{path}")


def test_a_full_disk_refuses_jobs_and_is_recovered_from(small_disk, shop, tmp_path):
    with HostOnASmallDisk(small_disk, tmp_path / "state") as host:
        first = host.submit(fit_request(shop))["id"]
        assert host.job_in(first, "COMPLETED", "FAILED")["state"] == "COMPLETED"
        filler = host.seen(tmp_path / "state/filler")
        file = os.open(filler, os.O_WRONLY | os.O_CREAT)
        with pytest.raises(OSError, match="No space"):
            while True:
                os.write(file, b"x" * 4096)
        os.close(file)
        answers = [host.post("/v1/jobs", fit_request(shop)) for _ in range(30)]
        refused = [a for a in answers if a.status != 201]
        assert refused and all(a.status == 503 and a.json["type"].endswith(":io") and "full" in a.json["detail"] for a in refused), [a.body for a in refused]
        assert host.get(f"/v1/jobs/{first}").json["state"] == "COMPLETED" and host.get("/healthz").status == 200
        os.unlink(filler)
        for answer in answers:
            if answer.status == 201:
                assert host.job_in(answer.json["id"], "COMPLETED", "FAILED")["state"] in ("COMPLETED", "FAILED")
        again = host.submit(fit_request(shop))["id"]
        assert host.job_in(again, "COMPLETED", "FAILED")["state"] == "COMPLETED"


def test_a_record_that_another_program_locks_is_waited_for(rle_program, shop, tmp_path):
    with HostProcess(rle_program, tmp_path / "state") as host:
        other = sqlite3.connect(tmp_path / "state/state.sqlite", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(2, lambda: other.execute("ROLLBACK")).start()
        assert host.get("/v1/jobs").status == 200, "reading goes on"
        begin = time.monotonic()
        job = host.submit(fit_request(shop))["id"]
        assert time.monotonic() - begin > 1
        assert host.job_in(job, "COMPLETED", "FAILED")["state"] == "COMPLETED"
        other.execute("BEGIN IMMEDIATE")  # longer than the host waits
        answer = host.post("/v1/jobs", fit_request(shop))
        assert answer.status == 503 and "locked" in answer.json["detail"]
        other.execute("ROLLBACK")
        assert host.job_in(host.submit(fit_request(shop))["id"], "COMPLETED", "FAILED")["state"] == "COMPLETED"


def test_clients_that_die_leave_the_job_alone(rle_program, shop, tmp_path):
    follow = "import sys, urllib.request as u; [None for _ in u.urlopen(u.Request(sys.argv[1], headers={'Authorization': 'Bearer ' + sys.argv[2]}))]"
    with HostProcess(rle_program, tmp_path / "state") as host:
        job = host.submit(fit_request(shop, n_epochs=400, max_iters=None, patience=None))["id"]
        host.job_in(job, "RUNNING")
        url = f"{host.about['url']}/v1/jobs/{job}/events?follow=true"
        clients = [subprocess.Popen([sys.executable, "-c", follow, url, host.token]) for _ in range(5)]
        time.sleep(0.5)
        for client in clients:
            client.send_signal(signal.SIGKILL)
            client.wait()
        assert host.job_in(job, "COMPLETED", "FAILED", seconds=120)["state"] == "COMPLETED"
        assert host.get("/readyz").status == 200
