"""Link tasks from outside: what training, evaluation and baselines do with the label tables."""
import json

import pyarrow.parquet as parquet
import pytest
from link_shop import SPLITS, LinkShop
from runs import split_model
from shop import day

BOTH = ("link_prediction", "repeated_link_prediction")


@pytest.fixture
def shop(tmp_path):
    return LinkShop(tmp_path)


@pytest.fixture
def fitted(rle, shop):
    """Writes the shop and fits; the model's description and tensors, and the result as JSON."""

    def run(name="m", *options):
        shop.write()
        result = rle("fit", "spec.json", "--model", name, "--json", *options)
        assert result.returncode == 0, result.stderr
        description, tensors = split_model((shop.folder / name / "model.safetensors").read_bytes())
        return description, tensors, json.loads(result.stdout)

    return run


def score_of(result, split):
    return next(s for s in result["scores"] if s["split"] == split)


def seeds(table):
    """(customer, time, targets) of a label table with lists."""
    return list(zip(*table.values()))


def link_metrics(rows, ranking, k):
    """map, precision and recall at k of ranking(customer, time) over the rows that have a target."""
    sums = [0.0, 0.0, 0.0]
    rows = [row for row in rows if row[2]]
    for customer, time, targets in rows:
        hits, precisions = 0, 0.0
        for rank, target in enumerate(ranking(customer, time)[:k], 1):
            if target in targets:
                hits += 1
                precisions += hits / rank
        for i, value in enumerate((precisions / min(k, len(targets)), hits / k, hits / len(targets))):
            sums[i] += value / len(rows)
    return dict(zip(("link_prediction_map", "link_prediction_precision", "link_prediction_recall"), sums))


def most_frequent(rows, k):
    counts = {}
    for *_, targets in rows:
        for target in targets:
            counts[target] = counts.get(target, 0) + 1
    return sorted(counts, key=lambda target: (-counts[target], target))[:k]


@pytest.mark.parametrize("task", BOTH)
def test_baselines_are_those_of_the_documentation(shop, fitted, task):
    """Keys and nodes have the same order here, so that ties are broken alike."""
    shop.spec["task"]["type"] = task
    *_, result = fitted()
    horizon = day(30) - day(0)
    history = {"train": seeds(shop.tables["train"])}
    history["train + validation"] = history["train"] + seeds(shop.tables["validation"])
    seen = set()
    for split in ("validation", "test"):
        for baseline in score_of(result, split)["baselines"]:
            known = history[baseline["labels"]]

            def ranking(customer, time, name=baseline["name"], known=known):
                closed = [row for row in known if row[1] + horizon <= time]
                popular = most_frequent(closed, 5)
                own = most_frequent([row for row in closed if row[0] == customer], 5)
                return {"global popularity": popular, "past visits": own,
                        "past visits then popularity": own + [t for t in popular if t not in own]}[name]

            assert baseline["metrics"] == pytest.approx(link_metrics(seeds(shop.tables[split]), ranking, 5), abs=1e-12)
            seen.add((split, baseline["name"], baseline["labels"]))
    assert len(seen) == 9  # three of validation; of test with training labels alone, and with validation labels too


@pytest.mark.parametrize("task", BOTH)
def test_lists_and_pairs_train_the_same_model(shop, fitted, task):
    shop.spec["task"]["type"] = task
    lists = fitted("lists")
    shop.one_a_row()
    pairs = fitted("pairs")
    assert lists[:2] == pairs[:2]
    assert lists[2]["scores"] == pairs[2]["scores"]


@pytest.mark.parametrize("task", BOTH)
def test_what_cannot_be_predicted_trains_nothing(shop, fitted, task):
    """Duplicates and unknown keys change no parameter; unknown keys lower recall."""
    shop.spec["task"]["type"] = task
    description, tensors, before = fitted("plain")
    for split in SPLITS:
        shop.tables[split]["bought"] = [bought * 2 for bought in shop.tables[split]["bought"]]
    assert fitted("twice")[:2] == (description, tensors)
    shop.tables["test"]["bought"] = [bought + [9] for bought in shop.tables["test"]["bought"]]
    shop.tables["train"]["bought"] = [bought + [9] for bought in shop.tables["train"]["bought"]]
    _, with_unknown, after = fitted("unknown")
    assert with_unknown == tensors
    plain, lower = (score_of(r, "test")["metrics"] for r in (before, after))
    assert lower["link_prediction_recall"] < plain["link_prediction_recall"]
    assert lower["link_prediction_precision"] == plain["link_prediction_precision"]


@pytest.mark.parametrize("task", BOTH)
def test_rows_without_targets_are_left_out(shop, fitted, task):
    """Of the loss: rows of customers who buy nothing change no parameter. Of metrics: as relbench, told as left out."""
    shop.spec["task"]["type"] = task
    shop.spec["config"]["train_batch_size"] = 500  # one batch: more rows would make other batches
    _, tensors, before = fitted("plain")
    for split, days in SPLITS.items():
        for customer in (3, 17):
            for column, value in zip(shop.tables[split].values(), (customer, day(days[-1] - 1), [])):
                column.append(value)
    _, after_tensors, after = fitted("more")
    assert after_tensors == tensors
    for split in ("validation", "test"):
        assert score_of(after, split)["metrics"] == score_of(before, split)["metrics"]
        assert score_of(after, split)["left_out"] == score_of(before, split)["left_out"] + 2


@pytest.mark.parametrize("task", BOTH)
def test_more_links_asked_for_than_there_are_targets(shop, fitted, task):
    shop.spec["task"] |= {"type": task, "eval_at_k": 1000}
    *_, result = fitted()
    metrics = score_of(result, "test")["metrics"]
    if task == "link_prediction":
        assert metrics["link_prediction_recall"] == 1
        targets = [len(bought) for bought in shop.tables["test"]["bought"]]
        assert metrics["link_prediction_precision"] == pytest.approx(sum(targets) / len(targets) / 1000)
    assert 0 < metrics["link_prediction_map"] <= 1


def test_links_to_the_entities_own_table(shop, fitted):
    shop.spec["task"]["target_entity"] = "customers.id"
    for split in SPLITS:
        shop.tables[split]["bought"] = [[(c + 1) % 30, c] for c in shop.tables[split]["customer"]]
    for task in BOTH:
        shop.spec["task"]["type"] = task
        *_, result = fitted(task)
        assert score_of(result, "test")["rows"] == len(shop.tables["test"]["customer"])


def test_targets_that_come_later_are_not_trained(shop, fitted, rle):
    """A training with articles of the future in its lists is the training without them."""
    shop.spec["tables"]["articles"]["time_column"] = "since"
    shop.tables["articles"]["since"] = [day(0)] * 11 + [day(100)]
    late = 111
    shop.tables["train"]["bought"] = [sorted({*bought, late}) for bought in shop.tables["train"]["bought"]]
    _, with_late, _ = fitted("late")
    shop.tables["train"]["bought"] = [[a for a in bought if a != late] for bought in shop.tables["train"]["bought"]]
    _, without, _ = fitted("without")
    assert with_late == without


def test_all_targets_later_than_the_seed(shop, rle):
    shop.spec["tables"]["articles"]["time_column"] = "since"
    shop.tables["articles"]["since"] = [day(1000)] * 12
    shop.write()
    result = rle("fit", "spec.json", "--model", "m")
    assert result.returncode == 1 and "are not there yet at the time of the seed" in result.stderr
    assert not (shop.folder / "m/model.safetensors").exists()


@pytest.mark.parametrize("change", [{"num_negative": 4}, {"negative_sampling_strategy": "degree_based"}, {"id_awareness": True}, {"link_fusion": True}, {"subgraph_type": "bidirectional"}])
def test_each_option_trains_another_model(shop, fitted, change):
    shop.spec["config"]["gnn_layers"] = 3  # more than hops, so that the way of the last hop's edges matters
    *_, tensors, _ = fitted("plain")
    shop.spec["config"] |= change
    *_, other, _ = fitted("other")
    assert other != tensors


def test_evaluation_takes_k_from_its_specification(shop, fitted, rle):
    fitted()
    shop.spec["task"]["eval_at_k"] = 12
    shop.write()
    result = rle("evaluate", "spec.json", "--model", "m", "--json")
    assert result.returncode == 0, result.stderr
    assert score_of(json.loads(result.stdout), "test")["metrics"]["link_prediction_recall"] == 1


def test_a_model_of_another_target_is_refused(shop, fitted, rle):
    fitted()
    shop.spec["task"]["target_entity"] = "customers.id"
    shop.write()
    result = rle("evaluate", "spec.json", "--model", "m")
    assert result.returncode == 2
    assert "target_entity is 'customers.id' and was 'articles.article'" in result.stderr


def deleted(purchases, later):
    for column, values in purchases.items():
        purchases[column] = [value for value, is_later in zip(values, later) if not is_later]


def scrambled(purchases, later):
    for column, other in (("customer", 0), ("article", 100), ("amount", -1e6)):
        purchases[column] = [other if is_later else value for value, is_later in zip(purchases[column], later)]


KINDS = {"two towers": ("link_prediction", {}), "repeated": ("repeated_link_prediction", {}), "fusion": ("link_prediction", {"link_fusion": True})}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [deleted, scrambled])
def test_the_future_is_never_seen(shop, fitted, rle, kind, change):
    """What lies after all seeds changes nothing; what only test rows may see changes predictions alone."""
    shop.spec["task"]["type"], config = KINDS[kind]
    shop.spec["config"] |= config
    plain = {name: list(values) for name, values in shop.tables["purchases"].items()}

    def run(name, when=None):
        shop.tables["purchases"] = dict(plain)
        if when is not None:
            later = [at > when for at in plain["at"]]
            assert any(later) and not all(later)
            change(shop.tables["purchases"], later)
        fitted(name)
        output = shop.folder / f"{name}.parquet"
        assert rle("predict", "spec.json", "--model", name, "--output", output, "--embeddings").returncode == 0
        written = [parquet.read_table(path) for path in sorted(shop.folder.glob("*.parquet")) if path.stem.lower().endswith(name)]
        assert len(written) == 3
        return (shop.folder / name / "model.safetensors").read_bytes(), written

    model, outputs = run("whole")
    assert run("after", day(150)) == (model, outputs)
    other_model, other_outputs = run("between", day(120))
    assert other_model == model
    assert not any(a.equals(b) for a, b in zip(outputs, other_outputs))
