"""--snapshot: tables, graph and features are kept between runs, used while they say what the sources say, and never trusted otherwise."""
import json
import os
import random
import shutil
import subprocess
import time

import duckdb
import numpy
import pyarrow as pa
import pytest
from runs import LARGE, done, f1_data, fit, market_data, predict, write
from shop import Shop

PARTS = {"table": 2, "graph": 1, "features": 2}  # of the shop


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path).write()


def run(rle, model, *args):
    """A fit of the shop that succeeds."""
    return done(rle("fit", "spec.json", "--model", model, "--set", "config.n_epochs=1", "-q", *args))


def model_of(shop, name):
    return (shop.folder / name / "model.safetensors").read_bytes()


def kept(folder, kind="", ending="data"):
    return sorted(folder.glob(f"{kind}*.{ending}"))


def stamps(folder):
    return {file.name: (file.stat().st_ino, file.stat().st_mtime_ns) for file in kept(folder)}


@pytest.mark.parametrize("form", ["parquet", "csv", "json", "duckdb"])
def test_the_same_models_and_predictions_with_and_without(rle, tmp_path, form):
    spec, tables = market_data(lists=form != "csv")
    path = write(tmp_path / "data", spec, tables, form, 2 if form == "parquet" else 1)
    folder = tmp_path / "kept"
    models = [fit(rle, path, tmp_path / f"m{i}", *args, visible_until="2020-05-20")
              for i, args in enumerate(([], ["--snapshot", folder], ["--snapshot", folder]))]
    assert models[0] == models[1] == models[2]
    made = stamps(folder)
    assert len(kept(folder, "table")) == len(spec["tables"]) and len(kept(folder, "graph")) == 1
    assert len(kept(folder, "features")) == sum(t.get("type") != "edge" for t in spec["tables"].values())
    predictions = [predict(rle, path, tmp_path / "m0", tmp_path / f"p{i}.parquet", *args)
                   for i, args in enumerate(([], ["--snapshot", folder], ["--snapshot", folder]))]
    assert predictions[0] == predictions[1] == predictions[2]
    assert made.items() <= stamps(folder).items(), "a prediction's tables are others, and both stay"


@LARGE
@pytest.mark.slow
def test_the_same_model_of_the_example(rle, root, tmp_path):
    spec, tables = f1_data(root, "driver-top3")
    path = write(tmp_path / "data", spec, tables)
    assert len({fit(rle, path, tmp_path / f"m{i}", *args) for i, args in enumerate(([], *[["--snapshot", tmp_path / "kept"]] * 2))}) == 1


def test_the_specification_may_name_the_folder(rle, shop):
    shop.spec["data"] = {"snapshot": "kept"}
    shop.write()
    run(rle, "a")
    assert {kind: len(kept(shop.folder / "kept", kind)) for kind in PARTS} == PARTS


def test_what_reading_tells_is_told_again(rle, shop):
    shop.tables["orders"]["customer"][3] = 999
    shop.write()
    told = [run(rle, f"m{i}", "--snapshot", "kept").stderr for i in range(2)]
    assert told[0] == told[1] == run(rle, "m2").stderr and "999" in told[0]
    shop.tables["customers"]["id"][7] = 3
    shop.write()
    refusals = {rle("inspect", "spec.json", "--snapshot", "kept").stderr.splitlines()[-1] for _ in range(2)}
    assert len(refusals) == 1 and "has the value 3 twice" in refusals.pop()


def test_a_change_of_content_is_noticed_and_the_former_snapshot_removed(rle, shop):
    """Same size, same time of modification: only the bytes tell."""
    folder = shop.folder / "kept"
    run(rle, "a", "--snapshot", "kept")
    before, file = stamps(folder), shop.folder / "orders.parquet"
    stat, content = file.stat(), file.read_bytes()
    shop.tables["orders"]["amount"][5] += 1
    shop.write()
    changed = file.read_bytes()
    assert len(changed) == len(content) != 0 and changed != content
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    run(rle, "b", "--snapshot", "kept")
    run(rle, "c")
    assert model_of(shop, "b") == model_of(shop, "c") != model_of(shop, "a")
    now = stamps(folder)
    assert len(now) == len(before) == 5
    assert {name.split("-")[0] for name in now.keys() & before.keys()} == {"table", "features"}, "of customers, which did not change"


def test_another_specification_is_another_snapshot(rle, shop):
    run(rle, "a", "--snapshot", "kept")
    shop.spec["tables"]["orders"]["columns"] = {"amount": "category"}
    shop.write()
    run(rle, "b", "--snapshot", "kept")
    run(rle, "c")
    assert model_of(shop, "b") == model_of(shop, "c") != model_of(shop, "a")


def test_a_view_is_read_anew_each_time(rle, shop):
    """Only the .duckdb file could be told from another, and it does not change with what the view reads."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{shop.folder}/db.duckdb' AS db (STORAGE_VERSION 'v1.4.0')")
        connection.execute(f"CREATE VIEW db.orders AS SELECT * FROM read_parquet('{shop.folder}/orders.parquet')")
    shop.spec["tables"]["orders"]["source"] = "db.duckdb::orders"
    shop.write()
    result = run(rle, "a", "--snapshot", "kept")
    assert "table 'orders': its source is a view" not in result.stderr, "quiet"
    shop.tables["orders"]["amount"][5] += 1
    shop.write()
    told = done(rle("fit", "spec.json", "--model", "b", "--set", "config.n_epochs=1", "--snapshot", "kept")).stderr
    assert told.count("its source is a view") == 1, told
    run(rle, "c")
    assert model_of(shop, "b") == model_of(shop, "c") != model_of(shop, "a")
    assert {kind: len(kept(shop.folder / "kept", kind)) for kind in PARTS} == {"table": 1, "graph": 0, "features": 1}


def test_times_tasks_and_models_have_snapshots_of_their_own(rle, shop):
    """What one run keeps another does not replace: the second round of the same runs makes nothing."""
    args = ("--snapshot", "kept")
    until = ("--set", "config.visible_until='2020-05-20'")
    shop.spec["task"]["validation"] = shop.spec["task"].pop("test")
    (shop.folder / "other.json").write_text(json.dumps(shop.spec | {"task": shop.spec["task"] | {"train": "validation.parquet"}}))
    shop.write()
    made = []
    for i in range(2):
        run(rle, f"a{i}", *args)
        run(rle, f"b{i}", *args, *until)
        done(rle("fit", "other.json", "--model", f"c{i}", "--set", "config.n_epochs=1", "-q", *args))
        for model in "abc":
            done(rle("evaluate", "spec.json", "--model", f"{model}{i}", "-q", *args))
        made.append(stamps(shop.folder / "kept"))
    assert made[0] == made[1]
    assert len(kept(shop.folder / "kept", "graph")) > 1 and len(kept(shop.folder / "kept", "features")) > 4


def damage(file, how, random_):
    content = bytearray(file.read_bytes())
    if how == "truncated":
        content = content[:random_.randrange(len(content))]
    elif how == "flipped":
        content[random_.randrange(len(content))] ^= 1 << random_.randrange(8)
    elif how == "longer":
        content += b"\0" * 64
    file.write_bytes(content)  # in place, as a disk that errs


@pytest.mark.parametrize("how", ["truncated", "flipped", "longer", "missing"])
def test_what_is_damaged_is_told_and_made_again(rle, shop, how):
    folder, random_ = shop.folder / "kept", random.Random(how)
    run(rle, "a", "--snapshot", "kept")
    whole = {file.name: file.read_bytes() for file in kept(folder)}
    for round_, ending in enumerate(("data", "data", "manifest")):
        for file in kept(folder, ending=ending):
            if how == "missing":
                file.unlink()
            else:
                damage(file, how, random_)
        result = run(rle, f"b{round_}", "--snapshot", "kept")
        told = result.stderr.count("WARNING: the snapshot of ")
        # A byte between two arrays counts for nothing, and without its manifest there is no snapshot.
        assert told == 5 or (told < 5 and (how == "flipped" or (how, ending) == ("missing", "manifest"))), result.stderr
        assert model_of(shop, f"b{round_}") == model_of(shop, "a")
    if how != "flipped":
        assert {file.name: file.read_bytes() for file in kept(folder)} == whole
    assert "snapshot" not in run(rle, "c", "--snapshot", "kept").stderr


def test_it_may_be_deleted_while_it_is_used(rle_program, shop):
    command = [rle_program, "fit", "spec.json", "--snapshot", "kept", "-q", "--model"]
    subprocess.run([*command, "a"], cwd=shop.folder, check=True)
    for model in ("b", "c", "d"):
        process = subprocess.Popen([*command, model], cwd=shop.folder, stderr=subprocess.PIPE, text=True)
        while process.poll() is None:
            shutil.rmtree(shop.folder / "kept", ignore_errors=True)
            time.sleep(0.001)
        assert process.returncode == 0, process.stderr.read()
        assert model_of(shop, model) == model_of(shop, "a")


def test_several_runs_write_one_at_a_time(rle_program, shop):
    commands = [[rle_program, "fit", "spec.json", "--snapshot", "kept", "-q", "--model", f"m{i}"] for i in range(4)]
    processes = [subprocess.Popen(command, cwd=shop.folder, stderr=subprocess.PIPE, text=True) for command in commands]
    told = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, told
    assert not any("snapshot" in text for text in told), told
    assert len({model_of(shop, f"m{i}") for i in range(4)}) == 1
    assert {kind: len(kept(shop.folder / "kept", kind)) for kind in PARTS} == PARTS
    assert {file.suffix for file in (shop.folder / "kept").iterdir()} == {"", ".data", ".manifest"}


def test_a_folder_that_can_not_be_written_stops_nothing(rle, shop):
    (shop.folder / "kept").write_text("mine")
    result = run(rle, "a", "--snapshot", "kept")
    assert result.stderr.count("WARNING: no snapshot of ") == 1, result.stderr
    assert (shop.folder / "kept").read_text() == "mine"
    run(rle, "b")
    assert model_of(shop, "a") == model_of(shop, "b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_only_be_read_is_used(rle, shop):
    run(rle, "a", "--snapshot", "kept")
    (shop.folder / "kept").chmod(0o555)
    assert "snapshot" not in run(rle, "b", "--snapshot", "kept").stderr


def test_a_full_disk_stops_nothing(rle_program, shop):
    """A file of more than 4 KB can't be written, as on a disk without room."""
    command = [rle_program, "inspect", "spec.json", "-q"]
    full = ["bash", "-c", 'trap "" XFSZ; ulimit -f 4; exec "$@"', "bash"]
    expected = subprocess.run(command, cwd=shop.folder, capture_output=True, text=True, check=True)
    result = subprocess.run([*full, *command, "--snapshot", "kept"], cwd=shop.folder, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, expected.stdout), result.stderr
    assert result.stderr.count("WARNING: no snapshot of ") == 1 and "File too large" in result.stderr
    assert not any(".tmp-" in file.name for file in (shop.folder / "kept").iterdir())


# ---- memory ----

LIMITED = pytest.mark.no_sanitizer("a sanitizer reserves more memory than any limit allows")


@LIMITED
def test_a_limit_is_kept_or_refused_with_the_figure_that_would_do(rle, shop):
    result = rle("fit", "spec.json", "--model", "a", "--memory-limit", "60MiB", "--json")
    assert result.returncode == 2
    message = json.loads(result.stdout)["error"]["message"]
    assert "the limit is 60 MiB" in message and "--snapshot DIR" in message
    enough = message.split("set it to ")[1].split(" at least")[0]
    run(rle, "b", "--memory-limit", enough)
    run(rle, "c")
    assert model_of(shop, "b") == model_of(shop, "c")


@LIMITED
def test_a_graph_larger_than_the_limit_runs_from_its_snapshot(rle, shop):
    """Friendships: 144 MB of lists and as many of rows, where less is allowed."""
    count = 6_000_000
    ends = {side: numpy.random.default_rng(i).integers(0, 40, count) for i, side in enumerate(("one", "other"))}
    at = numpy.datetime64("2020-01-01", "us") + numpy.sort(numpy.random.default_rng(2).integers(0, 2 * 10**13, count))
    shop.tables["friends"] = {side: pa.array(values) for side, values in ends.items()} | {"at": pa.array(at)}
    shop.spec["tables"]["friends"] = {"source": "friends.parquet", "type": "edge", "time_column": "at",
                                      "foreign_keys": {side: "customers.id" for side in ends}}
    shop.write()
    limit = ("--memory-limit", "128MiB", "--threads", "2")
    result = rle("fit", "spec.json", "--model", "a", "-q", *limit, "--snapshot", "kept")
    assert result.returncode == 2 and "the limit is 128 MiB" in result.stderr, result.stderr
    enough = result.stderr.split("set it to ")[1].split(" at least")[0]
    run(rle, "b", "--snapshot", "kept", "--memory-limit", enough, "--threads", "2")
    assert kept(shop.folder / "kept", "graph")[0].stat().st_size > 128 << 20
    run(rle, "c", "--snapshot", "kept", *limit)
    assert model_of(shop, "b") == model_of(shop, "c")


@LIMITED
def test_threads_need_memory_too(rle, shop):
    """Their stacks are told by the refusal, before one of them is started; what is named suffices."""
    result = rle("fit", "spec.json", "--model", "a", "-q", "--memory-limit", "200MiB", "--threads", "500")
    assert result.returncode == 2, result.stderr
    enough = result.stderr.split("set it to ")[1].split(" at least")[0]
    assert "GiB" in enough
    run(rle, "b", "--memory-limit", enough, "--threads", "500")
    run(rle, "c", "--threads", "2")
    assert model_of(shop, "b") == model_of(shop, "c")


@LIMITED
def test_a_figure_that_suffices_with_shallow_embeddings_and_for_the_model(rle, shop):
    config = ("--set", "config.shallow_embeddings_list=['customers', 'orders']")
    for command in (("fit", "spec.json", "--model", "a", "-q", *config), ("evaluate", "spec.json", "--model", "a", "-q"),
                    ("predict", "spec.json", "--model", "a", "--output", "p.parquet", "-q"), ("inspect", "spec.json", "-q")):
        result = rle(*command, "--memory-limit", "70MiB")
        assert result.returncode == 2 and "set it to " in result.stderr, result.stderr
        done(rle(*command, "--memory-limit", result.stderr.split("set it to ")[1].split(" at least")[0]))


@LIMITED
def test_a_limit_below_what_the_program_takes(rle, shop):
    """It would end by a signal while its libraries are loaded, instead of with a message."""
    for size in ("1MiB", "20MiB", "31MiB"):
        for args in (("--memory-limit", size), ("--set", f"config.memory_limit={size}")):
            result = rle("fit", "spec.json", "--model", "m", *args)
            assert result.returncode == 2 and "is less than the program itself takes; give 32 MiB at least" in result.stderr, result.stderr
    for threads in (1, 2, 16):
        result = rle("fit", "spec.json", "--model", "m", "--threads", threads, "--memory-limit", "32MiB")
        assert result.returncode == 2 and "config.memory_limit: the run needs up to" in result.stderr, result.stderr


@LIMITED
@pytest.mark.parametrize("size, accepted", [("4 GiB", True), ("1.5G", True), ("800MB", True), ("1000000000", True), ("0", False),
                                            ("-1GiB", False), ("many", False), ("1e30GiB", False), ("4GiBs", False)])
def test_sizes(rle, shop, size, accepted):
    for args in (("--memory-limit", size), ("--set", f"config.memory_limit='{size}'")):
        result = rle("validate", "spec.json", *args)
        assert result.returncode == (0 if accepted else 2), result.stderr
        assert accepted or "a size such as 4GiB or 500MiB" in result.stderr
