"""TrainerConfig: each parameter's default, values inside its bounds, and each bound violated; outputs; experiment settings."""

import json

import jsonschema
import numpy as np
import pytest

# name: (default, allowed values, refused values, what the message says is allowed)
TABLE = {
    "device": (None, ["cuda", "cpu", None], ["gpu", "CUDA", 0], '"cuda", "cpu"'),
    "seed": (42, [0, 7, 2**63 - 1, None], [-1, 2**63, 1.5, "42", True], "an integer of at least 0"),
    "n_epochs": (10, [1, 500, 10.0], [0, -1, 2.5, None, "10", True], "an integer of at least 1"),
    "max_iters": (None, [1, 2**63 - 1, None], [0, -3, 1.5], "an integer of at least 1"),
    "train_batch_size": (128, [1, 65536], [0, 65537, None, 12.5], "at most 65536"),
    "val_batch_size": (128, [1, 65536], [0, 65537, None, 12.5], "at most 65536"),
    "eval_every": (1, [1, 7], [0, None, 0.5], "an integer of at least 1"),
    "patience": (5, [1, 100, None], [0, -1, 1.5], "an integer of at least 1"),
    "lr": (0.001, [1e-7, 0.5, 1], [0, -0.1, float("nan"), float("inf"), None, "0.1"], "a number above 0"),
    "T_max": (None, [1, 100, None], [0, -1, 1.5], "an integer of at least 1"),
    "eta_min": (1e-8, [0, 1e-4], [-1e-9, float("nan"), None], "a number of at least 0"),
    "label_smoothing": (False, [True, False], [0, 1, "yes", None], "True or False"),
    "label_smoothing_alpha": (0.1, [0.01, 0.99], [0, 1, -0.1, 1.1, None], "above 0 and below 1"),
    "clamp_min": (0, [-5, 0, 2.5, None], ["0", float("inf"), True], "a number"),
    "clamp_max": (100, [1000, 0.5, None], ["100", float("nan"), False], "a number"),
    "channels": (128, [2, 64, 4096, None], [0, 1, 127, 4098, 64.5], "a"),
    "gnn_layers": (None, [1, 16, None], [0, 17, 1.5], "at most 16"),
    "fanouts": ([128, 64], [[1], [1000000] * 16, (5, 3), None], [[], [0], [1000001], [1] * 17, 128, "128", [1.5]], "integer"),
    "conv_aggregation": ("mean", ["mean", "max", "sum"], ["avg", None, "Mean"], '"mean", "max", "sum"'),
    "hetero_conv_aggregation": ("sum", ["mean", "max", "sum"], ["avg", None], '"mean", "max", "sum"'),
    "gnn_norm": ("layer_norm", ["batch_norm", "layer_norm", "instance_norm"], ["none", None], '"instance_norm"'),
    "head_layers": (1, [1, 16, None], [0, 17, 1.5], "at most 16"),
    "head_norm": ("batch_norm", ["batch_norm", "layer_norm"], ["instance_norm", None], '"batch_norm", "layer_norm"'),
    "use_temporal_encoder": (True, [True, False], [1, None, "true"], "True or False"),
    "temporal_strategy": ("uniform", ["uniform", "last"], ["first", None], '"uniform", "last"'),
    "num_negative": (10, [1, 10, 1_000_000, None], [0, 1_000_001, 1.5, "10"], "an integer of at least 1"),
    "negative_sampling_strategy": ("random", ["random", "degree_based", None], ["uniform", 3], '"random", "degree_based"'),
    "text_embedder": ("model2vec-potion-base-4M", ["model2vec-potion-base-4M"], ["bert", None], '"bert-base-distill"'),
    "id_awareness": (False, [True, False], [0, None, "no"], "True or False"),
    "shallow_embeddings_list": ([], [["Students"], []], ["Students", [3], [""], None], "a"),
    "link_fusion": (False, [True, False], [0, None, "no"], "True or False"),
}
NOT_BUILT = {"text_embedder": ("bert-base-distill", "text models")}


def make(connector, **given):
    from relationalai_gnns import TrainerConfig

    return TrainerConfig(connector, **given)


def test_the_table_here_has_every_parameter():
    from relationalai_gnns.config import PARAMETERS

    assert [p.name for p in PARAMETERS] == list(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_a_default_is_as_documented_and_sends_nothing(connector, name):
    config = make(connector)
    assert getattr(config, name) == TABLE[name][0]
    assert name not in config.engine_config()


@pytest.mark.parametrize("name,value", [(n, v) for n, row in TABLE.items() for v in row[1]], ids=str)
def test_a_value_in_bounds_is_taken_and_sent_in_the_form_of_the_schema(connector, root, name, value):
    config = make(connector, **{name: value, **({"lr": 0.1} if name == "eta_min" else {})})
    kept = getattr(config, name)
    assert kept == (list(value) if isinstance(value, tuple) else value)
    sent = config.engine_config()
    is_default = config.to_dict()[name] == TABLE[name][0] or (name == "max_iters" and kept == 2**63 - 1)
    assert (name in sent) == (name.startswith("clamp_") or kept is not None and not is_default or name == "patience" and kept is None)
    schema = json.loads((root / "schema/job.schema.json").read_text())
    if name != "device" and name in sent:
        jsonschema.validate(sent, {"$defs": schema.get("$defs", {}), **schema["properties"]["config"]})


@pytest.mark.parametrize("name,value", [(n, v) for n, row in TABLE.items() for v in row[2]], ids=str)
def test_a_value_out_of_bounds_is_refused_with_name_value_and_what_is_allowed(connector, name, value):
    from relationalai_gnns import GNNError, ValidationError

    with pytest.raises(ValidationError) as error:
        make(connector, **{name: value})
    assert str(error.value).startswith(name) and "expected" in str(error.value) and TABLE[name][3] in str(error.value)
    assert error.value.field.startswith(name)
    assert isinstance(error.value, ValueError) and isinstance(error.value, GNNError)


@pytest.mark.parametrize("name", NOT_BUILT)
def test_what_is_not_built_is_refused_by_the_name_of_its_part(connector, name):
    from relationalai_gnns import NotBuiltError

    value, part = NOT_BUILT[name]
    with pytest.raises(NotBuiltError, match=f"{name}=.* is not built yet: it comes with the {part} part"):
        make(connector, **{name: value})


def test_parameters_are_checked_together(connector):
    from relationalai_gnns import ValidationError

    with pytest.raises(ValidationError, match=r"eta_min: expected at most lr \(0.001\), got 0.1"):
        make(connector, eta_min=0.1)
    with pytest.raises(ValidationError, match=r"clamp_min: expected less than clamp_max \(1\), got 3"):
        make(connector, clamp_min=3, clamp_max=1)
    make(connector, clamp_min=200)  # alone it leaves the other side open


def test_a_bound_is_sent_where_it_was_set_even_to_its_default(connector):
    assert make(connector).engine_config() == {}
    assert make(connector, clamp_min=0).engine_config() == {"clamp_min": 0}
    assert make(connector, clamp_min=None, clamp_max=None).engine_config() == {"clamp_min": None, "clamp_max": None}


@pytest.mark.parametrize("task_type", ["binary_classification", "multilabel_classification", "link_prediction"])
def test_bounds_at_their_defaults_are_not_sent_with_tasks_that_have_none(connector, task_type):
    assert make(connector, clamp_min=0, clamp_max=100).engine_config(task_type) == {}
    assert make(connector, clamp_min=0, clamp_max=99).engine_config(task_type) == {"clamp_max": 99}
    assert make(connector, clamp_min=0, clamp_max=100).engine_config("regression") == {"clamp_min": 0, "clamp_max": 100}


NUMPY = [
    ("seed", np.int64(7), 7),
    ("train_batch_size", np.uint8(64), 64),
    ("n_epochs", np.float64(3.0), 3),
    ("n_epochs", np.array(3), 3),
    ("lr", np.float32(0.5), 0.5),
    ("clamp_max", np.int32(7), 7),
    ("clamp_max", np.float64(7.5), 7.5),
    ("id_awareness", np.True_, True),
    ("fanouts", np.array([4, 2]), [4, 2]),
    ("fanouts", (np.int64(4), 2), [4, 2]),
    ("fanouts", range(1, 3), [1, 2]),
    ("shallow_embeddings_list", np.array(["Students"]), ["Students"]),
]


@pytest.mark.parametrize("name,value,plain", NUMPY, ids=str)
def test_numbers_and_arrays_of_numpy_become_those_of_python(connector, name, value, plain):
    config = make(connector, **{name: value})
    kept = getattr(config, name)
    assert kept == plain and type(kept) is type(plain)
    if isinstance(plain, list):
        assert [type(v) for v in kept] == [type(v) for v in plain]
    json.dumps(config.engine_config())


@pytest.mark.parametrize(
    "name,value",
    [
        ("n_epochs", np.int64(0)),
        ("n_epochs", np.float64(1.5)),
        ("n_epochs", np.True_),
        ("n_epochs", np.array([3])),
        ("lr", np.float32("nan")),
        ("lr", np.True_),
        ("id_awareness", np.int64(1)),
        ("fanouts", np.array([])),
        ("fanouts", np.array(4)),
        ("fanouts", np.array([[4, 2]])),
        ("fanouts", np.array([4.5])),
        ("fanouts", np.ones(17, int)),
        ("fanouts", {4, 2}),
        ("fanouts", b"ab"),
    ],
    ids=str,
)
def test_what_is_out_of_bounds_is_refused_of_numpy_too(connector, name, value):
    from relationalai_gnns import ValidationError

    with pytest.raises(ValidationError, match=f"{name}.*: expected"):
        make(connector, **{name: value})


def test_an_attribute_is_checked_when_it_is_set(connector):
    from relationalai_gnns import ValidationError

    config = make(connector)
    config.n_epochs = 3
    assert config.engine_config() == {"n_epochs": 3}
    with pytest.raises(ValidationError, match="n_epochs"):
        config.n_epochs = 0
    with pytest.raises(AttributeError, match='no parameter "n_epoch". Did you mean "n_epochs"'):
        config.n_epoch = 3


def test_to_dict_resolves_what_defaults_to_another_parameter(connector):
    told = make(connector, fanouts=[5, 5, 5], n_epochs=7).to_dict()
    assert (told["gnn_layers"], told["T_max"]) == (3, 7)
    assert make(connector, channels=None).to_dict()["channels"] == 128


def test_engine_options_are_those_of_the_specification(connector, root):
    from relationalai_gnns import ValidationError
    from relationalai_gnns.config import BY_NAME, ENGINE_OPTIONS

    assert make(connector, engine_options={"dropout": 0.5}).engine_config() == {"dropout": 0.5}
    sent = make(connector, engine_options={"dropout": np.float32(0.5), "threads": np.int64(2)}).engine_config()
    assert json.dumps(sent) == '{"dropout": 0.5, "threads": 2}'
    with pytest.raises(ValidationError, match='got "drop_out". Did you mean "dropout"'):
        make(connector, engine_options={"drop_out": 0.5})
    with pytest.raises(ValidationError, match='"lr" is an argument of TrainerConfig'):
        make(connector, engine_options={"lr": 0.5})
    known = json.loads((root / "schema/job.schema.json").read_text())["$defs"]["config"]["properties"]
    assert set(ENGINE_OPTIONS) == set(known) - set(BY_NAME) - {"preset"}


def test_experiment_config(connector):
    from relationalai_gnns import ExperimentConfig, ValidationError

    config = make(connector, experiment_config=ExperimentConfig(database="db", schema="public"))
    assert config.experiment_config.to_dict() == {"database": "db", "schema": "public"}
    with pytest.raises(ValidationError, match="experiment_config: expected an ExperimentConfig"):
        make(connector, experiment_config={"database": "db"})
    with pytest.raises(ValidationError, match="connector: expected a Connector"):
        make("localhost")


def test_outputs(connector, tmp_path):
    from relationalai_gnns import FileExtension, NotBuiltError, OutputConfig, ValidationError

    files = OutputConfig.local(artifacts_dir="out", extension=FileExtension.CSV)
    assert files.request(connector, "A_1", False) == {"kind": "files", "folder": "out", "extension": "csv", "alias": "A_1"}
    database = OutputConfig.duckdb(tmp_path / "p.duckdb", schema="results")
    assert database.request(connector, "a", True) == {
        "kind": "duckdb",
        "database": str(tmp_path / "p.duckdb"),
        "schema": "results",
        "alias": "a",
        "flatten": True,
    }
    for later in (
        OutputConfig.snowflake(database_name="D", schema_name="PUBLIC"),
        OutputConfig.postgres("postgresql://h/db"),
        OutputConfig.sqlite("x.sqlite"),
    ):
        with pytest.raises(NotBuiltError, match=f"output to {later.type} is not built yet: it comes with the warehouse part"):
            later.request(connector, "a", False)
    with pytest.raises(ValidationError, match="runs the code in it"):
        OutputConfig.local("out", "pkl")
    with pytest.raises(ValidationError, match='extension: expected one of "parquet", "csv", got "parket". Did you mean "parquet"'):
        OutputConfig.local("out", "parket")
