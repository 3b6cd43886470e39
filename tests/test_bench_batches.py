"""bench/rle_bench on batch files that bench/peer/sampler.py wrote: the same subgraphs on both sides, figures in a form for programs."""
import json
import subprocess
import sys

import numpy as np
import pytest

from runs import TINY, options


@pytest.fixture(scope="module")
def sampler(root):
    sys.path.insert(0, str(root / "bench/peer"))
    import sampler
    yield sampler
    sys.path.remove(str(root / "bench/peer"))


@pytest.fixture(scope="module")
def spec(root):
    return root / "examples/f1/driver-position.yaml"


@pytest.fixture(scope="module")
def batches(sampler, spec, tmp_path_factory):
    folder = tmp_path_factory.mktemp("batches")
    from tables import Specification
    sampler.write_batches(Specification(spec), folder, batch=32, count=2, fanouts=[8, 4], seed=1)
    return folder


@pytest.fixture
def bench(build_folder, spec):
    def call(batches, *args, lines="", code=0):
        done = subprocess.run([build_folder / "bench/rle_bench", spec, "--batches", batches, "--json", *options(TINY), *map(str, args)],
                              input=lines, text=True, capture_output=True, timeout=300, check=False)
        assert done.returncode == code, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()] if code == 0 else done.stderr
    return call


def test_figures_are_those_of_the_files(sampler, batches, bench):
    loaded, ready, *passes, summary = bench(batches, "--passes", 2, "--steps", 4, "--threads", 1)
    assert (loaded["event"], ready["event"], summary["event"]) == ("loaded", "ready", "summary")
    assert loaded["model"] == {"channels": 16, "layers": 2, "blocks": 1, "aggr": "sum", "lr": 0.005}
    assert loaded["columns"]["qualifying"] == {"date": "datetime", "number": "integer", "position": "category"}
    last = sampler.Batch.read(sorted(batches.glob("*"))[1])  # 4 steps over 2 files
    assert summary["nodes"] == sum(map(len, last.row.values()))
    assert summary["distinct"] == sum(len(np.unique(rows)) for rows in last.row.values())
    assert summary["edges"] == sum(pair.shape[1] for pair in last.edge.values())
    parts = summary["parts_ms"]
    assert list(parts)[0] == "read batch file" and list(parts)[-1] == "step"
    assert {"encoder forward", "encoder backward", "optimizer"} < set(parts) and min(parts.values()) > 0
    assert all(ms <= parts["step"] for ms in parts.values())  # so in every step, hence their medians, on a busy machine too
    assert [p["event"] for p in passes] == ["pass", "pass"] and all(len(p["losses"]) == 4 for p in passes)
    assert all(np.isfinite(p["losses"]).all() and p["seeds_s"] > 0 and p["others"] >= 0 for p in passes)
    assert np.mean(passes[1]["losses"]) < np.mean(passes[0]["losses"])  # it learns these batches
    assert summary["peak_memory_bytes"] > 2**24


def test_threads_change_no_loss(batches, bench):
    losses = [[p["losses"] for p in bench(batches, "--passes", 1, "--steps", 3, "--threads", threads) if p["event"] == "pass"] for threads in (1, 3)]
    assert losses[0] == losses[1]


def test_a_pass_for_each_line_of_input(batches, bench):
    events = [m["event"] for m in bench(batches, "--turns", "--steps", 1, lines="\n\n\n")]
    assert events == ["loaded", "ready", "pass", "pass", "pass", "summary"]


def test_files_of_other_data_are_refused(sampler, batches, bench, tmp_path):
    batch = sampler.Batch.read(sorted(batches.glob("*"))[0])
    key = ("races", "rev_f2p_raceId", "results")
    pair, owner, row = batch.edge[key].copy(), batch.owner["races"], batch.row["races"]
    a, b = next((i, j) for i in range(pair.shape[1]) for j in range(i) if owner[pair[0, i]] == owner[pair[0, j]] and row[pair[0, i]] != row[pair[0, j]])
    pair[0, a], pair[0, b] = pair[0, b], pair[0, a]  # two results of one seed change their races
    batch.edge[key] = pair
    batch.write(tmp_path / "wrong.safetensors", "drivers")
    assert "does not refer to row" in bench(tmp_path, code=1)
    assert "holds no batch file" in bench(tmp_path / "nothing", code=1)
