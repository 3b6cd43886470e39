"""schema/job.schema.json and the engine's own parser give the same verdict on the form of a specification."""
import copy
import json

import jsonschema
import pytest
import yaml

GOOD = {
    "dataset": "shop",
    "data": {"source": "db", "snapshot": "kept"},
    "tables": {
        "customers": {"source": "customers.parquet", "primary_key": "id", "candidate_keys": ["email", {"column": "tag", "is_feature": True}],
                      "columns": {"born": "datetime", "city": "infer"}, "exclude": ["phone"], "other_columns": "infer"},
        "orders": {"source": "orders.csv", "primary_key": "id", "time_column": "at",
                   "foreign_keys": {"customer": "customers.id", "payer": {"link_to": "customers.email", "is_feature": False}}},
        "friends": {"source": "f.duckdb::main.friends", "type": "edge", "foreign_keys": {"a": "customers.id", "b": "customers.id"}},
    },
    "task": {"name": "churn", "type": "multiclass_classification", "entity": "customers.id", "entity_column": "who", "target": "churned",
             "time_column": "at", "current_time": False, "horizon": "1d 12h", "metric": "macro_f1", "train": "a", "validation": "b", "test": "c"},
    "config": {"preset": "sdk", "seed": 0, "n_epochs": 3, "max_iters": None, "train_batch_size": 64, "val_batch_size": 64,
               "eval_every": 1, "patience": None, "lr": 0.5, "lr_schedule": "cosine", "T_max": 9, "eta_min": 0, "weight_decay": 0,
               "label_smoothing": True, "label_smoothing_alpha": 0.5, "channels": None,
               "gnn_layers": 2, "fanouts": [4, 4], "conv_aggregation": "max", "hetero_conv_aggregation": "mean",
               "gnn_norm": "instance_norm", "encoder_blocks": 1, "dropout": 0, "head_layers": 2, "head_norm": "layer_norm",
               "use_temporal_encoder": False, "temporal_strategy": "last", "subgraph_type": "bidirectional", "shallow_embeddings_list": ["customers"],
               "visible_until": "2020-01-01T00:00:00Z", "checkpoint_every_steps": 0, "checkpoint_every_seconds": 0.5, "memory_limit": "4GiB", "threads": 2, "device": "cpu", "precision": "fp32", "inference": "sampled",
               "text_embedder": "model2vec-potion-base-4M", "id_awareness": False, "num_negative": 10,
               "negative_sampling_strategy": "random", "link_fusion": False},
    "output": {"database": "out.duckdb", "table": "p", "flatten": True},
}
# Instead, with a regression: what bounds its outputs.
CLAMP = {"clamp_min": -5, "clamp_max": None}
# A link task, and what GOOD has that is not of one.
LINKS = {"type": "link_prediction", "target_entity": "orders.id", "metric": "link_prediction_recall", "eval_at_k": 7}
NOT_OF_LINKS = ("label_smoothing", "label_smoothing_alpha")
REMOVED = object()

# (path, value): each a change of GOOD.
ACCEPTED = [
    ("dataset", "größe 1"), ("data", REMOVED), ("config", {}), ("config", REMOVED), ("output", {}), ("task", REMOVED),
    ("config.n_epochs", 10.0), ("config.max_iters", 2**63 - 1), ("config.seed", 2**63 - 1), ("config.lr", 1), ("config.lr", 1e-30),
    ("config.patience", 1), ("config.channels", 2), ("config.fanouts", None), ("config.fanouts", [1] * 16), ("config.gnn_layers", None),
    ("config.head_layers", None), ("config.clamp_percentiles", False), ("config.clamp_percentiles", True), ("config.clamp_min", None), ("config.clamp_max", 7), ("config.visible_until", None), ("config.num_negative", 10.0),
    ("config.visible_until", "2020-01-01"), ("config.visible_until", "2020-01-01 12:30:00.5 +02:00"), ("config.threads", None), ("data", {"snapshot": "kept"}), ("config.memory_limit", None), ("config.memory_limit", "1.5 TB"), ("config.memory_limit", "900000000"), ("config.checkpoint_every_seconds", 0), ("config.checkpoint_every_steps", 2**63 - 1),
    ("config.device", "cuda"), ("config.device", None), ("config.precision", "bf16"), ("config.shallow_embeddings_list", []), ("task.horizon", "2w"), ("task.metric", REMOVED), ("task.test", REMOVED),
    ("tables.orders.foreign_keys", {}), ("tables.customers.columns", {}), ("tables.customers.columns.city", "multi_categorical"),
    ("tables.customers.columns.city", "embedding"), ("tables.orders.other_columns", "ignore"), ("tables.friends.candidate_keys", []),
    ("tables.friends.time_column", "since"), ("tables.customers.exclude", []), ("tables.orders.type", "node"),
    ("config.id_awareness", True), ("config.subgraph_type", None), ("config.subgraph_type", "directional"),
]
REFUSED = [
    ("dataset", REMOVED), ("dataset", ""), ("dataset", "a/b"), ("dataset", 3), ("dataset", "x" * 201), ("tables", REMOVED),
    ("tables", {}), ("tables", []), ("extra", 1), ("data", {}), ("data", {"source": "x", "kind": "y"}), ("data", "db"), ("data.snapshot", 1), ("config.memory_limit", 4), ("config.memory_limit", "0GiB"), ("config.memory_limit", "4GiBs"), ("config.memory_limit", ".5G"), ("config.memory_limit", "1e9"), ("config.memory_limit", ""),
    ("tables.orders.source", REMOVED), ("tables.orders.source", ""), ("tables.orders.source", ["a"]), ("tables.orders.sources", "a"),
    ("tables.a.b", {"source": "x", "primary_key": "id"}), ("tables.orders", None), ("tables.orders.type", "table"),
    ("tables.logs", {"source": "x"}), ("tables.logs", {"source": "x", "foreign_keys": {}}),
    ("tables.orders.primary_key", ["id"]), ("tables.orders.time_column", ["at", "on"]), ("tables.orders.time_column", None),
    ("tables.orders.foreign_keys", ["customer"]), ("tables.orders.foreign_keys.customer", "customers"),
    ("tables.orders.foreign_keys.customer", ".id"), ("tables.orders.foreign_keys.customer", "customers."),
    ("tables.orders.foreign_keys.customer", {"is_feature": True}), ("tables.orders.foreign_keys.customer", 3),
    ("tables.orders.foreign_keys.customer", {"link_to": "customers.id", "feature": True}),
    ("tables.orders.foreign_keys.customer", {"link_to": "customers.id", "is_feature": "yes"}),
    ("tables.customers.candidate_keys", "email"), ("tables.customers.candidate_keys", [3]),
    ("tables.customers.candidate_keys", [{"is_feature": True}]), ("tables.customers.columns", ["born"]),
    ("tables.customers.columns.born", "date"), ("tables.customers.columns.born", None), ("tables.customers.columns.born", "Datetime"),
    ("tables.customers.exclude", "phone"), ("tables.customers.exclude", [""]), ("tables.customers.other_columns", True),
    ("tables.friends.primary_key", "id"), ("tables.friends.foreign_keys.b", REMOVED), ("tables.friends.candidate_keys", ["x"]),
    ("tables.friends.foreign_keys.c", "customers.id"),
    ("task.name", REMOVED), ("task.name", "a/b"), ("task.type", "binary"), ("task.type", "link_prediction"), ("task.type", REMOVED),
    ("task.type", "repeated_link_prediction"), ("task.entity", "customers"), ("task.entity", REMOVED), ("task.target", REMOVED),
    ("task.target", None), ("task.current_time", "yes"), ("task.current_time", 1), ("task.horizon", 60), ("task.horizon", "60"),
    ("task.horizon", "60 days"), ("task.horizon", ""), ("task.metric", "mae"), ("task.metric", "auc"), ("task.train", {}),
    ("task.split", "x"), ("config", None), ("config", []), ("config.preset", "fast"), ("config.learning_rate", 1),
    ("config.seed", -1), ("config.seed", None), ("config.seed", 2**63), ("config.seed", 1.5), ("config.seed", True),
    ("config.n_epochs", 0), ("config.n_epochs", None), ("config.n_epochs", "10"), ("config.max_iters", 0), ("config.max_iters", 2**63),
    ("config.train_batch_size", 65537), ("config.val_batch_size", 0), ("config.eval_every", 0), ("config.patience", 0),
    ("config.lr", 0), ("config.lr", -1), ("config.lr", "0.1"), ("config.lr", None), ("config.lr_schedule", "linear"),
    ("config.T_max", 0), ("config.eta_min", -1), ("config.weight_decay", -0.1), ("config.label_smoothing", 0.1),
    ("config.label_smoothing_alpha", 0), ("config.label_smoothing_alpha", 1), ("config.clamp_min", "0"), ("config.clamp_min", False),
    ("config.clamp_percentiles", [2, 98]), ("config.channels", 0), ("config.channels", 3), ("config.channels", 4098),
    ("config.gnn_layers", 0), ("config.gnn_layers", 17), ("config.fanouts", []), ("config.fanouts", [0]), ("config.fanouts", 128),
    ("config.fanouts", [1] * 17), ("config.fanouts", [1.5]), ("config.fanouts", [1000001]), ("config.conv_aggregation", "median"),
    ("config.hetero_conv_aggregation", None), ("config.gnn_norm", "layer"), ("config.encoder_blocks", -1), ("config.encoder_blocks", 17),
    ("config.dropout", 1), ("config.dropout", -0.1), ("config.head_layers", 0), ("config.head_norm", "instance_norm"),
    ("config.use_temporal_encoder", "true"), ("config.temporal_strategy", "first"), ("config.subgraph_type", "induced"), ("config.shallow_embeddings_list", "customers"),
    ("config.shallow_embeddings_list", ["customers", "customers"]), ("config.visible_until", 2020), ("config.visible_until", "yesterday"),
    ("config.visible_until", "2020-1-1"), ("config.threads", 0), ("config.threads", 1025), ("config.device", "gpu"),
    ("config.precision", "fp16"), ("config.precision", None), ("config.inference", "full"), ("config.text_embedder", "bert-base-distill"),
    ("config.id_awareness", 0), ("config.id_awareness", None), ("config.num_negative", 0), ("config.num_negative", 1_000_001),
    ("config.num_negative", None), ("config.num_negative", 1.5), ("config.negative_sampling_strategy", "degree"), ("config.link_fusion", 1),
    ("config.link_fusion", "no"), ("task.target_entity", "orders.id"), ("task.eval_at_k", 12), ("output", []), ("output.table", 3), ("output.flatten", "no"), ("output.file", "x"),
]


# (path, value): each a change of GOOD with a link task instead.
ACCEPTED_LINKS = [
    ("task.type", "repeated_link_prediction"), ("task.metric", REMOVED), ("task.metric", "link_prediction_map"), ("task.eval_at_k", REMOVED),
    ("task.eval_at_k", 1000), ("task.eval_at_k", 1.0), ("task.target_entity", "customers.email"), ("task.horizon", REMOVED),
    ("config.num_negative", 1), ("config.num_negative", 1_000_000), ("config.negative_sampling_strategy", "degree_based"),
    ("config.link_fusion", True), ("config.id_awareness", True), ("output.flatten", False),
]
REFUSED_LINKS = [
    ("task.target_entity", REMOVED), ("task.target_entity", "orders"), ("task.target_entity", None), ("task.eval_at_k", 0),
    ("task.eval_at_k", 1001), ("task.eval_at_k", None), ("task.eval_at_k", "12"), ("task.metric", "roc_auc"), ("task.metric", "map"),
    ("task.type", "regression"), ("task.target", ["a"]),
]


def changed(path, value, links=False):
    spec = copy.deepcopy(GOOD)
    if links:
        spec["task"].update(LINKS)
        for key in NOT_OF_LINKS:
            del spec["config"][key]
    if path.startswith("config.clamp_"):
        spec["task"].update(type="regression", metric="mae")
        spec["config"].update(CLAMP, label_smoothing=False)
        del spec["config"]["label_smoothing_alpha"], spec["output"]["flatten"]
        if "percentiles" in path:
            del spec["config"]["clamp_min"], spec["config"]["clamp_max"]
    *steps, last = path.split(".")
    if path == "tables.a.b":  # a table's name with a dot
        steps, last = ["tables"], "a.b"
    node = spec
    for step in steps:
        node = node[step]
    if value is REMOVED:
        del node[last]
    else:
        node[last] = value
    return spec


@pytest.fixture(scope="module")
def validator(root):
    schema = json.loads((root / "schema/job.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def verdict_of_engine(rle, tmp_path, spec, name="spec.json"):
    (tmp_path / name).write_text(json.dumps(spec, ensure_ascii=False))
    result = rle("validate", name)
    assert result.returncode in (0, 2), result.stderr
    return result.returncode == 0, result.stderr


def cases(plain, links):
    return [(path, value, False) for path, value in plain] + [(path, value, True) for path, value in links]


@pytest.mark.parametrize("path, value, links", cases(ACCEPTED, ACCEPTED_LINKS))
def test_accepted_by_both(rle, tmp_path, validator, path, value, links):
    spec = changed(path, value, links)
    assert validator.is_valid(spec), list(validator.iter_errors(spec))
    accepted, message = verdict_of_engine(rle, tmp_path, spec)
    assert accepted and all(line.startswith("WARNING: config.") for line in message.splitlines()), message


@pytest.mark.parametrize("path, value, links", cases(REFUSED, REFUSED_LINKS), ids=lambda v: str(v)[:40])
def test_refused_by_both(rle, tmp_path, validator, path, value, links):
    spec = changed(path, value, links)
    assert not validator.is_valid(spec)
    accepted, message = verdict_of_engine(rle, tmp_path, spec)
    assert not accepted
    assert message.startswith("error: spec.json: "), message
    if value is not REMOVED and path != "extra":
        assert path.split(".")[0] in message


def test_json_is_read_as_yaml_too(rle, tmp_path):
    assert verdict_of_engine(rle, tmp_path, GOOD, "spec.yaml")[0]


# What several keys say together is the engine's alone, as the schema's description says.
RULES = [("config.lr_schedule", "constant"), ("config.eta_min", 1), ("config.label_smoothing", False), ("config.encoder_blocks", 0),
         ("task.time_column", REMOVED), ("task.target", "who"), ("config.num_negative", 5), ("config.link_fusion", True),
         ("config.negative_sampling_strategy", "degree_based")]


@pytest.mark.parametrize("path, value", RULES)
def test_rules_across_keys_are_the_engines(rle, tmp_path, validator, path, value):
    spec = changed(path, value)
    if path == "config.encoder_blocks":
        spec["config"]["dropout"] = 0.5
    assert validator.is_valid(spec)
    assert not verdict_of_engine(rle, tmp_path, spec)[0]


def test_every_config_key_is_in_both(rle, tmp_path, validator):
    keys = set(validator.schema["$defs"]["config"]["properties"])
    assert keys == set(GOOD["config"]) | set(CLAMP) | {"clamp_percentiles"}
    assert verdict_of_engine(rle, tmp_path, GOOD)[0]


def test_every_key_is_in_the_documentation(root, validator):
    text = (root / "docs/spec.md").read_text()
    schema = validator.schema
    for part in (schema, *(schema["$defs"][name] for name in ("table", "task", "config")), schema["properties"]["output"]):
        for key in part["properties"]:
            assert f"`{key}`" in text or f"`{key}:" in text or f"## {key}\n" in text or f"{key}:" in text, key


class PlainLoader(yaml.SafeLoader):
    """Dates stay text, as in YAML 1.2."""


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def test_examples_are_valid(rle, root, validator):
    specs = sorted((root / "examples").glob("*/*.yaml"))
    assert specs
    for path in specs:
        validator.validate(yaml.load(path.read_text(), PlainLoader))
        assert rle("validate", path).returncode == 0


def test_example_in_the_documentation_is_valid(rle, root, tmp_path, validator):
    text = (root / "docs/spec.md").read_text().split("```yaml\n")[1].split("```")[0]
    validator.validate(yaml.load(text, PlainLoader))
    (tmp_path / "doc.yaml").write_text(text)
    assert rle("validate", "doc.yaml").returncode == 0
