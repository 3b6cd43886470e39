"""Every parameter of TrainerConfig changes what it should: jobs on the built engine, one with the value and one without it."""

import dataclasses
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from runs import split_model  # noqa: E402

pytestmark = pytest.mark.no_sanitizer("it measures the package; the engine's own tests run under it")
BASE = {"n_epochs": 2, "channels": 8, "fanouts": [2, 2], "train_batch_size": 8, "engine_options": {"encoder_blocks": 1, "threads": 1}}


@dataclasses.dataclass
class Outcome:
    """What a job left behind."""

    told: dict  # the job as the host tells it
    epochs: list  # its epoch events
    config: dict  # as the checkpoint keeps it
    tensors: dict  # name -> bytes
    predicted: list  # of a regression


def same(before, after):
    return before.tensors == after.tensors


def trained_otherwise(before, after):
    """The same tensors, with other numbers in them."""
    shapes = [{name: len(data) for name, data in o.tensors.items()} for o in (before, after)]
    return shapes[0] == shapes[1] and before.tensors != after.tensors


def built_otherwise(*with_names):
    """Other tensors; those whose names hold one of the words are only in the second."""

    def check(before, after):
        new = [name for name in after.tensors if name not in before.tensors]
        return all(any(word in name for name in new) for word in with_names) and {n: len(d) for n, d in before.tensors.items()} != {
            n: len(d) for n, d in after.tensors.items()
        }

    return check


def rates(outcome):
    return [e["lr"] for e in outcome.epochs]


def validated(outcome):
    return [e["epoch"] for e in outcome.epochs if e.get("validation")]


# parameter: (task, value, what else both jobs have, what must then hold of the job without and the job with it)
EFFECTS = {
    "device": ("spends", "cuda", {}, lambda a, b: same(a, b) and [o.told["device"]["requested"] for o in (a, b)] == [None, "cuda"]),
    "seed": ("spends", 7, {}, trained_otherwise),
    "n_epochs": ("spends", 3, {}, lambda a, b: [len(o.epochs) for o in (a, b)] == [2, 3]),
    "max_iters": ("spends", 1, {}, trained_otherwise),
    "train_batch_size": ("spends", 5, {}, trained_otherwise),
    "val_batch_size": ("spends", 3, {}, lambda a, b: same(a, b) and [o.config["val_batch_size"] for o in (a, b)] == [128, 3]),
    "eval_every": ("spends", 2, {"n_epochs": 4}, lambda a, b: [validated(o) for o in (a, b)] == [[1, 2, 3, 4], [2, 4]]),
    "patience": ("spends", 1, {"n_epochs": 4, "lr": 1e-12, "eta_min": 0}, lambda a, b: [len(o.epochs) for o in (a, b)] == [4, 2]),
    "lr": ("spends", 0.01, {}, lambda a, b: trained_otherwise(a, b) and (rates(a)[0], rates(b)[0]) == (0.001, 0.01)),
    "T_max": ("spends", 1, {}, lambda a, b: trained_otherwise(a, b) and rates(b)[1] == pytest.approx(1e-8) and rates(a)[1] > 1e-4),
    "eta_min": ("spends", 0.0009, {}, lambda a, b: trained_otherwise(a, b) and rates(b)[1] > 0.0009 > rates(a)[1]),
    "label_smoothing": ("passes", True, {}, trained_otherwise),
    "label_smoothing_alpha": ("passes", 0.3, {"label_smoothing": True}, trained_otherwise),
    "clamp_min": ("spends", 4, {}, lambda a, b: same(a, b) and min(b.predicted) == 4 > min(a.predicted)),
    "clamp_max": ("spends", 0.01, {}, lambda a, b: same(a, b) and max(b.predicted) < 0.011 < max(a.predicted)),
    "channels": ("spends", 4, {}, built_otherwise()),
    "gnn_layers": ("spends", 3, {}, built_otherwise("gnn.2.")),
    "fanouts": ("spends", [1, 1], {}, trained_otherwise),
    "conv_aggregation": ("spends", "sum", {}, trained_otherwise),
    "hetero_conv_aggregation": ("spends", "mean", {}, trained_otherwise),
    "gnn_norm": ("spends", "batch_norm", {}, built_otherwise("running_mean")),
    "head_layers": ("spends", 2, {}, built_otherwise("head")),
    "head_norm": ("spends", "layer_norm", {"head_layers": 2}, lambda a, b: a.tensors.keys() != b.tensors.keys()),
    "use_temporal_encoder": ("spends", False, {}, lambda a, b: a.tensors.keys() > b.tensors.keys()),
    "temporal_strategy": ("spends", "last", {}, trained_otherwise),
    "num_negative": ("buys", 2, {}, trained_otherwise),
    "negative_sampling_strategy": ("buys", "degree_based", {}, trained_otherwise),
    "id_awareness": ("buys", True, {}, built_otherwise("id_awareness")),
    "shallow_embeddings_list": ("spends", ["customers"], {}, built_otherwise("shallow")),
    "link_fusion": ("buys", True, {}, built_otherwise()),
}
NOT_BUILT = {"text_embedder"}  # refused: test_sdk_config.py


class Runs:
    """Jobs on one host, all of them queued at once; each outcome is read when it is asked for."""

    def __init__(self, objects, state, output):
        from relationalai_gnns import OutputConfig, TrainerConfig

        self.objects, self.state, self.jobs = objects, state, {}
        self.output = OutputConfig.local(str(output))
        self.datasets = {"spends": self.spends(), "passes": objects.dataset(), "buys": objects.shop()}
        defaults = TrainerConfig(objects.connector)
        for name, (task, value, more, _) in EFFECTS.items():
            assert value != getattr(defaults, name)
            self.submit(task, more)
            self.submit(task, {**more, name: value})

    def spends(self):
        """What customers spend: a regression with times, on the tables of the shop."""
        from relationalai_gnns import Dataset, ForeignKey, NodeTask

        sources = {s: self.objects.source(f"link_{s}") for s in ("train", "validation", "test")}
        customer = ForeignKey("customer_id", "customers.customer_id")
        task = NodeTask(self.objects.connector, "spends", sources, customer, "regression", label_column="spent", time_column="timestamp")
        return Dataset(self.objects.connector, "shop", self.objects.shop().tables, task)

    def submit(self, task, config):
        key = repr((task, config))
        if key not in self.jobs:
            trainer = self.objects.trainer(**{**BASE, **config})
            job = trainer.fit_predict(self.datasets[task], f"J{len(self.jobs)}", self.output)
            self.jobs[key] = job
        return self.jobs[key]

    def outcome(self, task, config):
        job = self.submit(task, config).wait()
        content = next(self.state.glob(f"**/{job.job_id}/**/model.safetensors")).read_bytes()
        description, tensors = split_model(content)
        predicted = job.predictions().to_pydict().get("predicted_value", [])
        return Outcome(job.get_status(), job._epochs, description["config"], tensors, predicted)


@pytest.fixture(scope="module")
def runs(rle_program, school, tmp_path_factory):
    from sdk_objects import Objects, stop_host
    from relationalai_gnns import LocalConnector

    folder = tmp_path_factory.mktemp("effects")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("RLE_ENGINE", str(rle_program))
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        yield Runs(Objects(LocalConnector(), school), folder / "state", folder / "out")
        stop_host(folder / "state" / "gnn-rle")


def test_every_parameter_has_its_effect_here():
    from relationalai_gnns.config import PARAMETERS

    assert {p.name for p in PARAMETERS} == set(EFFECTS) | NOT_BUILT


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", EFFECTS)
def test_a_parameter_changes_what_it_should(runs, name):
    task, value, more, holds = EFFECTS[name]
    before, after = runs.outcome(task, more), runs.outcome(task, {**more, name: value})
    assert holds(before, after), (sorted(before.tensors), sorted(after.tensors), rates(before), rates(after), before.told, after.told)
    assert np.isfinite([e["loss"] for e in before.epochs + after.epochs]).all()
