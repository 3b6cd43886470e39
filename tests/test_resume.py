"""`rle fit --resume`: a run that was stopped, by whatever, goes on to the bytes of the undisturbed run."""
import json
import os
import random
import resource
import signal
import subprocess
import time

import pytest
from shop import Shop

# Some seconds of short steps, a checkpoint whenever the disk has time for one.
LONG = {"n_epochs": 60, "channels": 32, "encoder_blocks": 4, "fanouts": [16, 8], "train_batch_size": 8, "patience": None,
        "checkpoint_every_steps": 1}


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path)
    shop.spec["config"] |= LONG
    return shop.write()


def done(result):
    assert result.returncode == 0, result.stderr
    return result


def model(shop, folder):
    return (shop.folder / folder / "model.safetensors").read_bytes()


def log(shop, folder):
    """metrics.jsonl without wall times."""
    lines = [json.loads(line) for line in (shop.folder / folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("seconds", "seeds_per_second")} for line in lines]


def start(rle_program, shop, folder, *args, **popen):
    return subprocess.Popen([rle_program, "fit", "spec.json", "--model", folder, *map(str, args)], cwd=shop.folder, text=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **popen)


def wait_for(condition, process, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.002)


def manifests(shop, folder):
    return sorted((shop.folder / folder / "resume").glob("step-*.json"), key=lambda path: int(path.stem[5:]))


def killed(rle_program, shop, folder="m", at_least=2, *args):
    """A run that was killed when it had some checkpoints."""
    process = start(rle_program, shop, folder, *args)
    wait_for(lambda: len(manifests(shop, folder)) >= at_least, process)
    process.kill()
    process.wait()
    assert not (shop.folder / folder / "model.safetensors").exists()


def resumed(rle, folder="m", *args):
    return rle("fit", "spec.json", "--model", folder, "--resume", *args)


def kill_and_resume(rle, rle_program, shop, kills, seed):
    """Kills at random moments, each run going on where the last was killed, with another number of threads."""
    random_ = random.Random(seed)
    began = time.monotonic()
    process = start(rle_program, shop, "undisturbed")
    wait_for((shop.folder / "undisturbed/metrics.jsonl").exists, process)
    loading = time.monotonic() - began
    process.communicate()
    training = time.monotonic() - began - loading
    last_steps = []
    for i in range(kills):
        process = start(rle_program, shop, "m", "--resume", "--threads", 1 + i % 3, "-q")
        # Some hit the reading of data; on the whole the run gets on, but not to its end.
        time.sleep(random_.uniform(0, loading) if i % 5 == 4 else loading + random_.uniform(0, training / kills))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, process.stderr.read()
        last_steps.append(max([int(path.stem[5:]) for path in manifests(shop, "m")], default=0))
    assert last_steps == sorted(last_steps), "no checkpoint gets lost"
    assert len(set(last_steps)) > kills // 4, last_steps
    done(resumed(rle, "m", "--threads", 2))
    assert model(shop, "m") == model(shop, "undisturbed")
    assert log(shop, "m") == log(shop, "undisturbed")
    assert sorted(os.listdir(shop.folder / "m")) == ["metrics.jsonl", "model.safetensors"]


def test_killed_at_random_moments(rle, rle_program, shop):
    kill_and_resume(rle, rle_program, shop, 5, 1)


@pytest.mark.slow
def test_killed_at_twenty_random_moments(rle, rle_program, shop):
    shop.spec["config"] |= {"n_epochs": 300, "gnn_norm": "batch_norm", "eval_every": 3}
    shop.write()
    kill_and_resume(rle, rle_program, shop, 20, 2)


def test_checkpoints_change_no_bit_of_the_model(rle, shop):
    done(rle("fit", "spec.json", "--model", "with", "-q"))
    done(rle("fit", "spec.json", "--model", "without", "-q", "--set", "config.checkpoint_every_steps=0",
             "--set", "config.checkpoint_every_seconds=0"))
    assert model(shop, "with") == model(shop, "without")


def test_at_most_two_checkpoints_are_kept(rle_program, shop):
    process = start(rle_program, shop, "m")
    most = 0
    while process.poll() is None:
        most = max(most, len(manifests(shop, "m")))
        time.sleep(0.005)
    assert process.returncode == 0, process.stderr.read()
    assert most in (2, 3)  # the third is there for a moment, before the oldest goes
    assert not (shop.folder / "m/resume").exists()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_can_be_resumed(rle, rle_program, shop, stop):
    shop.spec["config"] |= {"checkpoint_every_steps": 0}
    shop.write()
    process = start(rle_program, shop, "m")
    wait_for(lambda: (shop.folder / "m/metrics.jsonl").exists() and len(log(shop, "m")) >= 2, process)
    process.send_signal(stop)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130 and "the best model so far (epoch" in stderr and "; --resume goes on after step " in stderr, stderr
    best = model(shop, "m")
    assert len(manifests(shop, "m")) == 1
    result = done(resumed(rle))
    assert "goes on after step" in result.stderr and "epoch 1/" not in result.stderr
    done(rle("fit", "spec.json", "--model", "undisturbed", "-q"))
    assert model(shop, "m") == model(shop, "undisturbed") != best
    assert log(shop, "m") == log(shop, "undisturbed")


def test_resume_of_nothing_starts_from_the_beginning(rle, rle_program, shop):
    shop.spec["config"]["n_epochs"] = 2
    shop.write()
    done(rle("fit", "spec.json", "--model", "undisturbed", "-q"))
    assert "starts from the beginning" in done(resumed(rle, "nowhere")).stderr
    assert model(shop, "nowhere") == model(shop, "undisturbed")
    # Killed before the first checkpoint: a folder that says which run it was.
    (shop.folder / "m/resume").mkdir(parents=True)
    (shop.folder / "m/metrics.jsonl").touch()
    assert "starts from the beginning" in done(resumed(rle, "m")).stderr
    assert model(shop, "m") == model(shop, "undisturbed")


def test_a_damaged_checkpoint_is_told_and_the_older_used(rle, rle_program, shop):
    done(rle("fit", "spec.json", "--model", "undisturbed", "-q"))

    def damaged(folder, change):
        killed(rle_program, shop, folder)
        newest, older = manifests(shop, folder)[-1], manifests(shop, folder)[-2]
        change(newest)
        result = done(resumed(rle, folder))
        assert f"WARNING: the checkpoint after step {newest.stem[5:]} is not used: " in result.stderr
        assert f"goes on after step {older.stem[5:]} " in result.stderr
        assert model(shop, folder) == model(shop, "undisturbed") and log(shop, folder) == log(shop, "undisturbed")

    def state(manifest):
        return manifest.with_suffix(".safetensors")

    def flip(manifest):
        content = bytearray(state(manifest).read_bytes())
        content[len(content) // 2] ^= 1
        state(manifest).write_bytes(content)

    damaged("truncated", lambda manifest: os.truncate(state(manifest), state(manifest).stat().st_size // 2))
    damaged("flipped", flip)
    damaged("missing", lambda manifest: state(manifest).unlink())
    damaged("manifest", lambda manifest: os.truncate(manifest, manifest.stat().st_size // 2))


def test_without_a_whole_checkpoint_it_starts_from_the_beginning(rle, rle_program, shop):
    killed(rle_program, shop)
    for manifest in manifests(shop, "m"):
        manifest.write_text("{}")
    result = done(resumed(rle))
    assert result.stderr.count("its manifest is damaged") == 2 and "starts from the beginning" in result.stderr
    done(rle("fit", "spec.json", "--model", "undisturbed", "-q"))
    assert model(shop, "m") == model(shop, "undisturbed")


def test_a_damaged_description_of_the_run(rle, rle_program, shop):
    killed(rle_program, shop)
    run = shop.folder / "m/resume/run.json"
    run.write_text("{")
    for manifest in manifests(shop, "m"):
        manifest.with_suffix(".keep").write_bytes(manifest.read_bytes())
        manifest.write_text("{}")
    result = resumed(rle)
    assert result.returncode == 2 and "no readable run.json" in result.stderr, result.stderr
    for kept in (shop.folder / "m/resume").glob("*.keep"):
        kept.rename(kept.with_suffix(".json"))
    assert "goes on after step" in done(resumed(rle)).stderr


def test_another_run_is_refused(rle, rle_program, shop):
    killed(rle_program, shop)
    before = {path.name: path.read_bytes() for path in (shop.folder / "m/resume").iterdir()}
    result = rle("fit", "spec.json", "--model", "m")
    assert result.returncode == 2 and "did not finish" in result.stderr and "--resume" in result.stderr, result.stderr
    result = resumed(rle, "m", "--set", "config.lr=0.5", "--set", "tables.orders.columns.amount=category")
    assert result.returncode == 2, result.stderr
    assert "config.lr is 0.5 and was 0.001" in result.stderr
    assert 'tables.orders.columns.amount is "category" and was "float"' in result.stderr
    amounts = shop.tables["orders"]["amount"]
    amounts[7] += 1
    shop.write()
    result = resumed(rle)
    assert result.returncode == 1 and "table 'orders' changed" in result.stderr, result.stderr
    amounts[7] -= 1
    shop.tables["train"]["again"][3] ^= 1
    shop.write()
    result = resumed(rle)
    assert result.returncode == 1 and "labels 'train' changed" in result.stderr, result.stderr
    assert {path.name: path.read_bytes() for path in (shop.folder / "m/resume").iterdir()} == before
    # What changes no result may change: order of rows, names of files, threads, checkpoints.
    shop.tables["train"]["again"][3] ^= 1
    shop.tables["orders"] = {column: values[::-1] for column, values in shop.tables["orders"].items()}
    shop.write()
    (shop.folder / "train.parquet").rename(shop.folder / "moved.parquet")
    done(resumed(rle, "m", "--set", "task.train=moved.parquet", "--threads", 1, "--set", "config.checkpoint_every_steps=7"))


def test_another_version_is_refused(rle, rle_program, shop):
    killed(rle_program, shop)
    path = shop.folder / "m/resume/run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"engine": "0.0.1"}))
    result = resumed(rle)
    assert result.returncode == 2 and 'of version "0.0.1"' in result.stderr, result.stderr


def test_a_finished_run_is_refused(rle, shop):
    shop.spec["config"]["n_epochs"] = 1
    shop.write()
    done(rle("fit", "spec.json", "--model", "m", "-q"))
    before = model(shop, "m")
    result = resumed(rle)
    assert result.returncode == 2 and "is finished" in result.stderr and "rle predict" in result.stderr
    assert model(shop, "m") == before


def test_metrics_of_a_foreign_run_are_not_overwritten(rle, shop):
    (shop.folder / "m").mkdir()
    (shop.folder / "m/metrics.jsonl").write_text("{}\n")
    for args in ((), ("--resume",)):
        result = rle("fit", "spec.json", "--model", "m", *args)
        assert result.returncode == 2 and "metrics.jsonl" in result.stderr, result.stderr
    assert (shop.folder / "m/metrics.jsonl").read_text() == "{}\n"


def test_two_trainings_in_one_folder(rle, rle_program, shop):
    shop.spec["config"]["n_epochs"] = 100000
    shop.write()
    process = start(rle_program, shop, "m", "--set", "config.checkpoint_every_steps=0")
    wait_for(lambda: (shop.folder / "m/metrics.jsonl").exists(), process)
    result = resumed(rle)
    process.kill()
    process.wait()
    assert result.returncode == 1 and "another training works in this folder" in result.stderr, result.stderr


def limited(bytes_):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))


def test_a_disk_that_takes_no_more_does_not_stop_the_training(rle, rle_program, shop):
    done(rle("fit", "spec.json", "--model", "undisturbed", "-q"))
    size = len(model(shop, "undisturbed"))
    killed(rle_program, shop)
    state = manifests(shop, "m")[-1].with_suffix(".safetensors").stat().st_size
    assert size < state, "the limit lets the model pass"
    process = start(rle_program, shop, "m", "--resume", preexec_fn=limited(size + 1000))
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    lines = [line for line in stderr.splitlines() if line.startswith("WARNING: no checkpoint was written: ")]
    assert len(lines) == 1 and "File too large" in lines[0] and "stays valid" in lines[0], stderr
    assert model(shop, "m") == model(shop, "undisturbed")


def test_the_older_checkpoint_stays_valid_when_the_disk_is_full(rle, rle_program, shop):
    killed(rle_program, shop)
    before = [path.name for path in manifests(shop, "m")]
    process = start(rle_program, shop, "m", "--resume", preexec_fn=limited(4_000))
    wait_for(lambda: "WARNING" in process.stderr.readline(), process)
    process.kill()
    process.wait()
    assert [path.name for path in manifests(shop, "m")] == before
    done(rle("fit", "spec.json", "--model", "undisturbed", "-q"))
    assert f"goes on after step {before[-1][5:-5]} " in done(resumed(rle)).stderr
    assert model(shop, "m") == model(shop, "undisturbed")


def test_checkpoints_that_can_not_be_written_at_all(rle, shop):
    """A file where the folder should be: also for root, whom no permission stops."""
    (shop.folder / "m").mkdir()
    (shop.folder / "m/resume").write_text("mine")
    result = done(rle("fit", "spec.json", "--model", "m"))
    assert sum(line.startswith("WARNING: ") and "m/resume" in line for line in result.stderr.splitlines()) == 2, result.stderr
    assert (shop.folder / "m/resume").read_text() == "mine"
    assert (shop.folder / "m/model.safetensors").exists()


def unshared():
    """A command prefix that gives a private mount table, where that is permitted."""
    prefix = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        return prefix if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0 else None
    except FileNotFoundError:
        return None


@pytest.mark.skipif(unshared() is None, reason="no user namespaces here")
@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_folder_of_checkpoints_on_a_faulty_disk(rle, rle_program, shop, fault):
    """A real small file system for the checkpoints alone: it fills up, or turns read-only."""
    (shop.folder / "m/resume").mkdir(parents=True)
    turn = {"full": "head -c 16M /dev/zero > m/resume/other 2>/dev/null", "read-only": "until mount -o remount,ro m/resume 2>/dev/null || ! kill -0 $fit; do :; done"}[fault]  # busy while a file is written
    script = f"""
        mount -t tmpfs -o size=6M none m/resume || exit 77
        {rle_program} fit spec.json --model m 2> log & fit=$!
        until ls m/resume/step-*.json > /dev/null 2>&1 || ! kill -0 $fit; do sleep 0.01; done
        {turn}
        wait $fit; echo $? > code; ls m/resume > left
    """
    result = subprocess.run([*unshared(), "sh", "-c", script], cwd=shop.folder, text=True, capture_output=True, check=False, timeout=120)
    if result.returncode == 77:
        pytest.skip("no tmpfs may be mounted here")
    stderr = (shop.folder / "log").read_text()
    assert (shop.folder / "code").read_text() == "0\n", stderr
    assert stderr.count("WARNING: no checkpoint was written: ") == 1 and "stays valid" in stderr, stderr
    assert ("step-" in (shop.folder / "left").read_text()) == (fault == "read-only")
    done(rle("fit", "spec.json", "--model", "undisturbed", "-q"))
    assert model(shop, "m") == model(shop, "undisturbed")


def test_a_training_that_fails_leaves_no_checkpoint(rle, shop):
    result = rle("fit", "spec.json", "--model", "m", "--set", "config.lr=1e30", "--set", "config.lr_schedule=constant")
    assert result.returncode == 1 and "not finite" in result.stderr, result.stderr
    assert not (shop.folder / "m").exists()
