"""Wrong and odd input of link tasks: refused with a message, or counted, named and left out as documented (docs/spec.md, Links)."""
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from link_shop import SPLITS, LinkShop
from shop import day


@pytest.fixture
def shop(tmp_path):
    return LinkShop(tmp_path)


@pytest.fixture
def inspect(rle, shop):
    """Writes the shop and inspects it, which joins its labels; the result, and what it says as JSON where it succeeds."""

    def run(code=0):
        shop.write()
        result = rle("inspect", "spec.json", "--json")
        assert result.returncode == code, result.stdout + result.stderr
        return result.stderr, json.loads(result.stdout) if code == 0 else None

    return run


def split_of(inspection, name):
    return next(s for s in inspection["task"]["splits"] if s["name"] == name)


def test_lists_and_pairs_are_the_same_task(shop, inspect):
    told, lists = inspect()
    assert "WARNING" not in told
    assert lists["task"]["target_entity"] == "articles.article" and lists["task"]["eval_at_k"] == 5
    shop.one_a_row()
    told, pairs = inspect()
    assert "WARNING" not in told and ", one a row" in told
    assert pairs["task"] == lists["task"]
    assert split_of(pairs, "train")["rows"] == len({(c, t) for c, t, _ in zip(*shop.tables["train"].values())})


def test_unknown_target_keys_are_counted_and_named(shop, inspect):
    shop.tables["train"]["bought"][3] = [999, 100, 998]
    shop.tables["test"]["bought"][0] = [7]
    told, inspection = inspect()
    keys = sum(map(len, shop.tables["train"]["bought"]))
    assert (f"WARNING: table 'task.train' (train): of {keys} keys in column 'bought' 2 name no row of table 'articles', first 998 in row 4"
            " of the source (counted from 1); no model can predict them: training leaves them out, metrics count them as missed") in told
    assert "table 'task.test' (test): of " in told and "1 name no row of table 'articles', first 7 in row 1 of" in told
    rows = len(shop.tables["test"]["bought"])
    assert f"WARNING: table 'task.test' (test): 1 of {rows} seeds have only such keys" in told
    assert split_of(inspection, "train")["rows"] == len(shop.tables["train"]["bought"])


def test_no_known_target_at_all(shop, inspect):
    shop.tables["train"]["bought"] = [[5, 6] for _ in shop.tables["train"]["bought"]]
    told, _ = inspect(1)
    assert "error: target column 'bought' of table 'task.train' (train): none of its " in told
    assert "name no row of table 'articles', first 5 in row 1" in told and "articles.article" in told


def test_duplicate_targets_count_once(shop, inspect):
    _, before = inspect()
    shop.tables["train"]["bought"][0] = shop.tables["train"]["bought"][0] * 3
    told, after = inspect()
    key = shop.tables["train"]["bought"][0][0]
    assert f"keys in column 'bought' occur again in their seed, first {key} in row 1 of the source (counted from 1); each counts once" in told
    assert "WARNING" not in told
    assert after["task"] == before["task"]


def test_empty_lists_are_seeds_without_targets(shop, inspect):
    for split in SPLITS:
        shop.tables[split]["bought"][0] = []
    told, inspection = inspect()
    rows = len(shop.tables["train"]["bought"])
    assert f"table 'task.train' (train): 1 of {rows} seeds link to nothing (an empty list); they are left out of the loss and of metrics" in told
    assert split_of(inspection, "train")["distribution"]["targets_minimum"] == 0
    assert split_of(inspection, "train")["unlabelled"] == 0
    shop.tables["train"]["bought"] = [[] for _ in range(rows)]
    told, _ = inspect(1)
    assert "every list is empty, there is no link to learn" in told


def test_null_lists_have_no_label(shop, inspect):
    shop.tables["test"]["bought"][2] = None
    told, inspection = inspect()
    assert split_of(inspection, "test")["unlabelled"] == 1
    assert "table 'task.test' (test): 1 of " in told and "seeds have no label; they are predicted and left out of metrics" in told
    shop.tables["train"]["bought"][2] = None
    told, _ = inspect(1)
    assert "rows have no label (null or NaN), first row 3 of the source (counted from 1); leave these rows out (an empty list says" in told


def give_articles_a_time(shop, days):
    shop.spec["tables"]["articles"]["time_column"] = "since"
    shop.tables["articles"]["since"] = [day(d) for d in days]


def test_targets_that_are_later_than_the_seed(shop, inspect):
    give_articles_a_time(shop, [0] * 11 + [100])
    told, _ = inspect()
    late = sum(111 in bought for bought in shop.tables["train"]["bought"])
    assert late > 0
    assert f"keys in column 'bought' {late} name rows of table 'articles' that are not there yet at the time of the seed, first 111 in row" in told
    assert ": its time is 2020-04-10" in told


def test_all_targets_later_than_the_seed(shop, inspect):
    give_articles_a_time(shop, [1000] * 12)
    told, _ = inspect(1)
    assert "none of its " in told and "are not there yet at the time of the seed" in told
    give_articles_a_time(shop, [100] * 12)  # train up to day 90, validation on day 120
    told, _ = inspect(1)
    assert "(train): none of its " in told


def test_target_table_without_a_primary_key(shop, inspect):
    articles = shop.spec["tables"]["articles"]
    del articles["primary_key"]
    articles |= {"candidate_keys": ["article"], "foreign_keys": {"brand": "customers.id"}}
    shop.tables["articles"]["brand"] = [0] * 12
    told, _ = inspect(2)
    assert "task.target_entity: table 'articles' has no primary_key, by which each of its rows could be predicted; declare it" in told
    del articles["candidate_keys"], shop.spec["tables"]["purchases"]["foreign_keys"]["article"]
    told, _ = inspect(2)
    assert "task.target_entity: table 'articles' has no primary_key to name its rows by" in told


def test_source_and_target_may_be_one_table(shop, inspect):
    shop.spec["task"]["target_entity"] = "customers.id"
    for split in SPLITS:
        shop.tables[split]["bought"] = [[(c + 1) % 30, c] for c in shop.tables[split]["customer"]]
    told, inspection = inspect()
    assert "WARNING" not in told
    assert split_of(inspection, "train")["distribution"]["targets_mean"] == 2


@pytest.mark.parametrize("kind, make, part", [
    (pa.list_(pa.string()), lambda b: [str(a) for a in b], "'bought' has the type list<string>, but the key 'articles.article' it refers to has int64"),
    (pa.string(), lambda b: str(b[0]), "'bought' has the type string, but the key 'articles.article' it refers to has int64"),
    (pa.list_(pa.float64()), lambda b: [float(a) for a in b], "the target 'bought' has the type list<float64>; a link_prediction task needs keys"),
    (pa.float64(), lambda b: float(b[0]), "the target 'bought' has the type float64; a link_prediction task needs keys of its target_entity"),
    (pa.list_(pa.timestamp("us")), lambda b: [day(a) for a in b], "has the type list<timestamp[us]>, which cannot be read"),
    (pa.timestamp("us"), lambda b: day(b[0]), "'bought' has the type timestamp[us]; keys are integers or text"),
], ids=["texts", "text", "floats", "float", "times", "time"])
def test_keys_of_another_type(shop, inspect, kind, make, part):
    for split in SPLITS:
        shop.types[split, "bought"] = kind
        shop.tables[split]["bought"] = [make(bought) for bought in shop.tables[split]["bought"]]
    told, _ = inspect(2)
    assert "task.train: " in told and part in told


def test_text_keys(shop, inspect):
    shop.tables["articles"]["article"] = [f"A{a}" for a in shop.tables["articles"]["article"]]
    shop.tables["purchases"]["article"] = [f"A{a}" for a in shop.tables["purchases"]["article"]]
    for split in SPLITS:
        shop.types[split, "bought"] = pa.list_(pa.string())
        shop.tables[split]["bought"] = [[f"A{a}" for a in bought] for bought in shop.tables[split]["bought"]]
    told, _ = inspect()
    assert "WARNING" not in told


def test_another_target_than_the_entitys_column(shop, inspect):
    shop.spec["task"]["target"] = "customer"
    told, _ = inspect(2)
    assert "task.target: 'customer' is the entity or target as well; a column has one part" in told


@pytest.fixture
def refused(rle, shop):
    """Writes the shop and trains, which must fail; what it says."""

    def run(code=2, *options):
        shop.write()
        result = rle("fit", "spec.json", "--model", "m", "-q", *options)
        assert result.returncode == code, result.stdout + result.stderr
        assert not (shop.folder / "m/model.safetensors").exists()
        return result.stderr

    return run


BOTH = ("link_prediction", "repeated_link_prediction")


@pytest.mark.parametrize("kind", [*BOTH, "fusion"])
def test_an_entity_that_its_seed_does_not_see_is_no_target(shop, rle, kind):
    """current_time false and own time = seed time: the entity is in its subgraph, and not there yet as a target."""
    shop.spec["task"].update(type="link_prediction" if kind == "fusion" else kind, target_entity="customers.id", current_time=False)
    shop.spec["config"]["link_fusion"] = kind == "fusion"
    shop.spec["tables"]["customers"] |= {"time_column": "since", "foreign_keys": {"friend": "customers.id"}}
    shop.tables["customers"] |= {"since": [day(10)] * 29 + [day(150)], "friend": [(i + 1) % 29 for i in range(30)]}
    for table in (shop.tables[split] for split in SPLITS):
        rows = [row for row in zip(*table.values()) if row[0] != 29]
        table.update(customer=[c for c, *_ in rows], at=[at for _, at, _ in rows], bought=[[(c + 1) % 29] for c, *_ in rows])
    shop.write()
    assert rle("fit", "spec.json", "--model", "m", "-q").returncode == 0
    for at, who, anybody in ((day(150), "29\n0\n", True), (day(10), "0\n1\n", False)):
        (shop.folder / "k.csv").write_text(f"customer\n{who}")
        output = shop.folder / f"{at:%j}.parquet"
        result = rle("predict", "spec.json", "--model", "m", "-q", "--output", output, "--entities", "k.csv", "--at", f"{at:%Y-%m-%d}")
        assert result.returncode == 0, result.stderr
        for predicted in pq.read_table(output)["predicted_id"].to_pylist():
            assert 29 not in predicted and len(set(predicted)) == len(predicted)
            assert anybody or not predicted
        assert not anybody or kind == "repeated_link_prediction" or min(map(len, pq.read_table(output)["predicted_id"].to_pylist())) == 5


def test_targets_without_a_key_are_refused(shop, refused):
    shop.spec["tables"]["articles"]["candidate_keys"] = ["sku"]
    shop.spec["task"]["target_entity"] = "articles.sku"
    shop.tables["articles"]["sku"] = [1000 + i if i not in (4, 7) else None for i in range(12)]
    for split in SPLITS:
        shop.tables[split]["bought"] = [[1000] for _ in shop.tables[split]["bought"]]
    told = refused(1)
    assert "articles.sku is null in 2 of 12 rows, first in row 5 of the source (counted from 1)" in told and "primary key" in told


@pytest.mark.parametrize("kind", BOTH)
def test_labels_that_are_the_links_of_the_graph_are_a_leak(shop, rle, refused, kind):
    shop.spec["task"].update(type=kind, train="purchases.parquet", target="article")
    shop.one_a_row()
    for split in SPLITS:
        shop.tables[split]["article"] = shop.tables[split].pop("bought")
    told = refused()
    assert "'article' is taken from purchases.parquet, which is table 'purchases', where it is the foreign key to 'articles'" in told
    assert "task.current_time to false" in told
    shop.spec["task"]["current_time"] = False
    shop.write()
    assert rle("fit", "spec.json", "--model", "m", "-q").returncode == 0


def test_entities_that_are_the_links_of_the_graph_are_a_leak(shop, refused):
    shop.spec["task"].update(entity="purchases.id", entity_column="id", target="article", current_time=False, train="purchases.parquet")
    told = refused()
    assert "where it is the foreign key to 'articles'" in told and "take it out of tables.purchases.foreign_keys" in told


@pytest.mark.parametrize("kind", BOTH)
def test_booleans_are_no_keys(shop, refused, kind):
    shop.spec["task"]["type"] = kind
    for split in SPLITS:
        shop.tables[split]["bought"] = [True for _ in shop.tables[split]["bought"]]
        shop.types[split, "bought"] = pa.bool_()
    told = refused()
    assert "task.train" in told and "bought" in told and "keys of its target_entity" in told


def test_nothing_to_learn_from(shop, refused):
    everything = list(range(100, 112))
    for split in SPLITS:
        shop.tables[split]["bought"] = [everything for _ in shop.tables[split]["bought"]]
    for fusion in (False, True):
        shop.spec["config"]["link_fusion"] = fusion
        assert "task 'buys': there is nothing to learn: every training row links to all rows of table 'articles'" in refused(1)
    shop.spec["config"].pop("link_fusion")
    shop.spec["task"]["type"] = "repeated_link_prediction"
    shop.tables["purchases"]["at"] = [day(199) for _ in shop.tables["purchases"]["at"]]
    assert "no row of table 'articles' lies in the subgraph of any training row at its time" in refused(1)


def test_options_that_have_nothing_to_work_on(shop, refused):
    shop.spec["config"].update(fanouts=[4], link_fusion=True)
    assert "config.fanouts has 1 hops, and rows of the target table 'articles' are 2 away" in refused()
    shop.spec["config"].update(fanouts=[4, 4], link_fusion=False, negative_sampling_strategy="degree_based")
    shop.spec["tables"]["purchases"]["foreign_keys"].pop("article")
    shop.spec["tables"]["purchases"]["exclude"] = ["article"]
    assert "config.negative_sampling_strategy is degree_based, and no row of any table links to table 'articles'" in refused()


@pytest.mark.no_sanitizer("its shadow memory is beyond the limit")
def test_negatives_count_for_the_memory_limit(shop, refused):
    shop.spec["config"]["num_negative"] = 1_000_000
    told = refused(2, "--memory-limit", "1500MiB")
    assert "config.memory_limit" in told and "config.num_negative" in told


def test_each_baseline_is_told_once(shop, rle):
    shop.spec["task"]["horizon"] = "60d"  # no validation label is known at the time of the test rows
    shop.write()
    result = rle("fit", "spec.json", "--model", "m", "-q", "--json")
    test = next(s for s in json.loads(result.stdout)["scores"] if s["split"] == "test")
    names = [(b["name"], b["labels"]) for b in test["baselines"]]
    assert len(names) == len(set(names)) >= 3
