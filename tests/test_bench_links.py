"""Batch files of links: bench/peer/sampler.py writes the same subgraphs for one model run and for three, and rle_bench trains on them."""
import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from runs import TINY, options


@pytest.fixture(scope="module")
def link_batches(root):
    sys.path.insert(0, str(root / "bench/peer"))
    import link_batches
    yield link_batches
    sys.path.remove(str(root / "bench/peer"))


@pytest.fixture(scope="module")
def spec(link_batches, root):
    from tables import Specification
    return Specification(root / "examples/f1/driver-circuit-compete.yaml")


@pytest.fixture(scope="module")
def folder(link_batches, spec, tmp_path_factory):
    folder = tmp_path_factory.mktemp("links")
    link_batches.write_link_batches(spec, folder, batch=24, count=2, negatives=3, fanouts=[8, 4], seed=1)
    return folder


@pytest.fixture(scope="module")
def batch(link_batches, folder):
    return link_batches.LinkBatch.read(folder / "0000.safetensors")


@pytest.fixture
def bench(build_folder, spec):
    def call(batches, *args, code=0):
        done = subprocess.run([build_folder / "bench/rle_bench", spec.path, "--batches", batches, "--json", *options(TINY), *map(str, args)],
                              text=True, capture_output=True, timeout=300, check=False)
        assert done.returncode == code, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()] if code == 0 else done.stderr
    return call


def test_pairs_are_of_one_time_and_negatives_are_none_of_the_positives(spec, batch):
    rows, times, lists = spec.seeds()
    linked = {(row, time): set(targets) for row, time, targets in zip(rows, times, lists)}
    for i, source in enumerate(zip(batch.seed_row, batch.seed_time)):
        assert (batch.target_time[[batch.positive[i], *batch.negative[i]]] == source[1]).all()
        assert batch.target_row[batch.positive[i]] in linked[source]
        assert not linked[source] & set(batch.target_row[batch.negative[i]])
    assert len(set(zip(batch.target_row, batch.target_time))) == len(batch.target_row) < batch.positive.size + batch.negative.size


def subgraph(batch, seed):
    """Rows and edges of one seed, without places."""
    rows = {t: Counter(row[batch.owner[t] == seed]) for t, row in batch.row.items()}
    edges = {}
    for (source, name, target), (from_, to) in batch.edge.items():
        own = batch.owner[target][to] == seed
        assert (batch.owner[source][from_[own]] == seed).all()
        edges[source, name, target] = Counter(zip(batch.row[source][from_[own]], batch.row[target][to[own]]))
    return rows, edges


@pytest.mark.parametrize("tower, table", [("source", "drivers"), ("positive", "circuits"), ("negative", "circuits")])
def test_towers_hold_the_same_subgraphs(folder, batch, tower, table):
    from sampler import Batch
    sources = len(batch.seed_row)
    seeds = np.arange(sources) if tower == "source" else sources + getattr(batch, tower).reshape(-1)
    own = Batch.read(folder / "towers" / f"0000.{tower}.safetensors")
    assert (own.owner[table][: len(seeds)] == np.arange(len(seeds))).all() and (own.row[table][: len(seeds)] == own.seed_row).all()
    for place, seed in enumerate(seeds):
        assert subgraph(own, place) == subgraph(batch, seed)


def test_the_engine_trains_on_them(batch, folder, bench):
    *_, first, second, summary = bench(folder, "--passes", 2, "--steps", 4, "--threads", 1)
    last = type(batch).read(folder / "0001.safetensors")
    assert summary["nodes"] == sum(map(len, last.row.values()))
    assert summary["distinct"] == sum(len(np.unique(rows)) for rows in last.row.values())
    assert np.isfinite(first["losses"]).all() and np.mean(second["losses"]) < np.mean(first["losses"])


def test_pairs_of_two_times_are_refused(batch, bench, tmp_path):
    other = np.flatnonzero(batch.target_time != batch.seed_time[0])[0]
    kept, batch.positive[0] = batch.positive[0], other
    batch.write(tmp_path / "wrong.safetensors", "drivers")
    batch.positive[0] = kept
    assert "which has another time" in bench(tmp_path, code=1)
