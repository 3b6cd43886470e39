"""Hundreds of short jobs over several engines: memory, file descriptors and processes of the host stay as they were."""
import time

import pytest
from host_process import HostProcess, fit_request
from shop import Shop
from soak import Soak


@pytest.mark.parametrize("jobs", [pytest.param(500, marks=pytest.mark.slow), 60])
def test_nothing_is_left_behind(rle_program, tmp_path, jobs):
    shop = Shop(tmp_path)
    shop.spec["config"] |= {"n_epochs": 1, "max_iters": 1, "threads": 1}
    shop.write()
    with HostProcess(rle_program, tmp_path / "state") as host:
        soak = Soak(host, fit_request(shop), engines=4)
        figures = soak.run(jobs, warm=jobs // 5)
        assert figures["completed"] == jobs and figures["failed"] == 0
        assert figures["descriptors_end"] <= figures["descriptors_warm"] + 2
        assert figures["resident_end"] < 1.2 * figures["resident_warm"], figures
        assert figures["zombies"] == 0
        time.sleep(0.2)
        assert host.children() == []
