"""Outputs that cannot be written: told with an exit code, and nothing half-written is left. Must hold for root too."""
import os
import re
import resource
import shutil
import subprocess

import pytest
from shop import Shop, day


@pytest.fixture
def shop(rle, tmp_path):
    """The shop with a model of it in `model`."""
    shop = Shop(tmp_path).write()
    assert rle("fit", "spec.json", "--model", "model", "--set", "config.n_epochs=1", "-q").returncode == 0
    return shop


PREDICT = ("predict", "spec.json", "--model", "model", "-q", "--output")
BELOW_A_FILE = [
    (("fit", "spec.json", "--model", "file/m"), 2, r"--model file/m: .*/file is a file, so no folder can be there; name another folder"),
    (("fit", "spec.json", "--model", "file"), 2, r"--model file: .*/file is a file, so no folder can be there"),
    ((*PREDICT, "file/p.csv"), 1, "output 'file/p.csv': 'file' is not a folder"),
    ((*PREDICT, "file/p.parquet"), 1, "output 'file/p.parquet': 'file' is not a folder"),
    ((*PREDICT, "file/p.duckdb::t"), 1, "output 'file/p.duckdb': 'file' is not a folder"),
    ((*PREDICT, "nowhere/p.csv"), 1, "output 'nowhere/p.csv': there is no folder 'nowhere'; create it first"),
    (("inspect", "spec.json", "--dot", "file/x.dot"), 1, "file/x.dot: cannot be written"),
    (("init", ".", "--output", "file/x.yaml"), 1, "file/x.yaml: cannot be written"),
]


@pytest.mark.parametrize("command, code, message", BELOW_A_FILE, ids=lambda v: "")
def test_path_below_a_file(rle, shop, command, code, message):
    (shop.folder / "file").write_text("x")
    before = sorted(os.listdir(shop.folder))
    result = rle(*command)
    assert result.returncode == code and re.search(f"^error: {message}", result.stderr, re.MULTILINE), result.stderr
    assert sorted(os.listdir(shop.folder)) == before and (shop.folder / "file").read_text() == "x"


def limited(bytes_):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))


WRITES = [(("fit", "spec.json", "-q", "--model", "new"), "new/model.safetensors", 5_000), ((*PREDICT, "new.csv"), "new.csv", 500),
          ((*PREDICT, "new.parquet"), "new.parquet", 500), ((*PREDICT, "new.duckdb::p"), "new.duckdb", 5_000),
          ((*PREDICT, "new.csv", "--embeddings"), "EMBEDDINGS_CUSTOMER_NEW.csv", 2_200)]


@pytest.mark.parametrize("command, file, limit", WRITES, ids=lambda v: "")
def test_file_that_may_not_grow(rle_program, shop, command, file, limit):
    result = subprocess.run([rle_program, *command], cwd=shop.folder, text=True, capture_output=True, check=False, preexec_fn=limited(limit))
    assert result.returncode == 1 and file in result.stderr and "too large" in result.stderr.lower(), result.stderr
    assert not (shop.folder / file).exists()
    assert not any(name.lstrip(".").startswith(("new.", "EMBEDDINGS")) for name in os.listdir(shop.folder))


def on_a_small_disk(rle_program, shop, command, kilobytes):
    """Runs in a mount namespace with a disk of that size on `disk`; (CompletedProcess, what is left on the disk)."""
    (shop.folder / "disk").mkdir(exist_ok=True)
    script = f'mount -t tmpfs -o size={kilobytes}k none disk || exit 99; "$0" "$@"; code=$?; ls -A disk >left; exit $code'
    own = ["unshare", "--mount", "--map-root-user", "sh", "-c", script]
    result = subprocess.run([*own, rle_program, *command], cwd=shop.folder, text=True, capture_output=True, check=False)
    if not shutil.which("unshare") or result.returncode == 99 or "unshare failed" in result.stderr:
        pytest.skip(f"no disk of its own can be had here: {result.stderr}")
    return result, (shop.folder / "left").read_text().split()


@pytest.mark.parametrize("command, file, kilobytes", [
    (("fit", "spec.json", "-q", "--model", "disk/m"), "disk/m/model.safetensors", 8), ((*PREDICT, "disk/new.csv"), "disk/new.csv", 8),
    ((*PREDICT, "disk/new.parquet"), "disk/new.parquet", 4), ((*PREDICT, "disk/new.duckdb::p"), "disk/new.duckdb", 8)], ids=lambda v: "")
def test_full_disk(rle_program, shop, command, file, kilobytes):
    shop.tables["test"] = {column: values * 20 for column, values in shop.tables["test"].items()}  # larger than the disk
    shop.tables["test"]["at"] = [day(150 + i // 40) for i in range(800)]
    shop.write()
    result, left = on_a_small_disk(rle_program, shop, command, kilobytes)
    assert result.returncode == 1 and file in result.stderr and "no space left" in result.stderr.lower(), result.stderr
    assert not [name for name in left if name != "m"], left


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("command, there", [
    (("validate", "spec.json"), None), (("inspect", "spec.json"), None), (("inspect", "spec.json", "--json"), None), (("init", "."), None),
    (("evaluate", "spec.json", "--model", "model"), None), (("fit", "spec.json", "--model", "m"), "m/model.safetensors"),
    ((*PREDICT, "p.csv"), "p.csv")], ids=lambda v: "")
def test_standard_output_that_takes_no_more(rle_program, shop, command, there):
    with open("/dev/full", "w") as full:
        result = subprocess.run([rle_program, *command], cwd=shop.folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1 and "error: standard output cannot be written: No space left on device" in result.stderr
    assert there is None or (shop.folder / there).exists()  # the work is done, only its summary is lost
