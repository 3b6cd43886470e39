"""config.precision from outside: refused where the CPU has no bf16, what evaluation does with a model of the other kind, and the instructions
that the products become."""
import json
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from shop import Shop

HAS_BF16 = "avx512_bf16" in Path("/proc/cpuinfo").read_text()
BF16 = ("--set", "config.precision=bf16")
WITHOUT = pytest.mark.skipif(HAS_BF16, reason="this CPU has AVX512-BF16")
WITH = pytest.mark.skipif(not HAS_BF16, reason="this CPU has no AVX512-BF16")


@pytest.fixture
def shop(rle, tmp_path):
    """The shop with a model of it in `m`."""
    shop = Shop(tmp_path).write()
    assert rle("fit", "spec.json", "--model", "m", "-q").returncode == 0
    return tmp_path


def describe(folder, change):
    """Changes the description inside a model file."""
    path = folder / "model.safetensors"
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + size])
    description = json.loads(header["__metadata__"]["model"])
    change(description["config"]["model"])
    header["__metadata__"]["model"] = json.dumps(description)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + size:])


def commands(model="m"):
    return [("fit", "spec.json", "--model", "new"), ("evaluate", "spec.json", "--model", model),
            ("predict", "spec.json", "--model", model, "--output", "p.parquet")]


@WITHOUT
def test_refused_without_the_instruction(rle, shop):
    for command in commands():
        result = rle(*command, *BF16)
        assert result.returncode == 2
        assert "config.precision: bf16 is asked for, and this CPU has no AVX512-BF16" in result.stderr
        assert "--set config.precision=fp32" in result.stderr
    assert not (shop / "new").exists() and not (shop / "p.parquet").exists()
    assert rle("validate", "spec.json", *BF16).returncode == 0, "the specification itself is right"


@WITH
def test_refused_where_the_environment_forces_less(rle, shop):
    for command in commands():
        result = rle(*command, *BF16, env={"RLE_ISA": "avx512"})
        assert result.returncode == 2
        assert "config.precision: bf16 is asked for, and the environment variable RLE_ISA keeps this run on avx512; unset RLE_ISA" in result.stderr


def predictions(rle, shop, name, *args):
    result = rle("predict", "spec.json", "--model", "m", "--output", f"{name}.parquet", *args)
    assert result.returncode == 0, result.stderr
    return pq.read_table(shop / f"{name}.parquet"), result.stderr


@WITHOUT
def test_a_bf16_model_is_computed_in_fp32_and_says_so(rle, shop):
    fp32, silent = predictions(rle, shop, "fp32")
    describe(shop / "m", lambda model: model.update(precision="bf16"))
    line = "the model was trained in bf16, and this CPU has no AVX512-BF16"
    told, stderr = predictions(rle, shop, "told")
    assert line in stderr and line not in silent and told.equals(fp32)
    set_, stderr = predictions(rle, shop, "set", "--set", "config.precision=fp32")
    assert line not in stderr and "not used" not in stderr and set_.equals(fp32)
    result = rle("evaluate", "spec.json", "--model", "m")
    assert result.returncode == 0 and line in result.stderr


def test_models_that_are_older_than_the_option_are_fp32(rle, shop):
    now, _ = predictions(rle, shop, "now")
    describe(shop / "m", lambda model: model.pop("precision"))
    older, stderr = predictions(rle, shop, "older")
    assert older.equals(now) and "bf16" not in stderr


@WITH
def test_a_bf16_model_differs_a_little(rle, shop):
    assert rle("fit", "spec.json", "--model", "b", *BF16, "-q").returncode == 0
    shutil.rmtree(shop / "m")
    (shop / "b").rename(shop / "m")
    bf16, _ = predictions(rle, shop, "bf16")
    fp32, _ = predictions(rle, shop, "fp32", "--set", "config.precision=fp32")
    column = next(c for c in bf16.column_names if c.startswith("predicted"))
    differences = [abs(a - b) for a, b in zip(bf16[column].to_pylist(), fp32[column].to_pylist())]
    assert 0 < max(differences) < 0.02


@pytest.mark.skipif(shutil.which("objdump") is None, reason="needs objdump")
def test_the_tile_keeps_its_sums_in_registers(build_folder):
    """24 products a step of the loop, and nothing of the stack: gcc puts register arrays there when it is led to."""
    objects = list(build_folder.glob("CMakeFiles/rle_kernel_avx512_bf16.dir/**/gemm_bf16_simd.cc.o"))
    if not objects or "release" not in build_folder.name:
        pytest.skip("not a release build")
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", objects[0]], check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^\s*([0-9a-f]+):\s*(.*)$", text, re.MULTILINE)
    lines = [(int(address, 16), what) for address, what in found]
    place = {address: i for i, (address, _) in enumerate(lines)}
    full = []
    for i, (address, what) in enumerate(lines):
        jump = re.match(r"j\w+\s+([0-9a-f]+)", what)
        begin = place.get(int(jump[1], 16)) if jump else None
        if begin is not None and begin < i:
            loop = [w for _, w in lines[begin:i + 1]]
            if sum("vdpbf16ps" in w for w in loop) == 24 and i - begin < 60:
                full.append(loop)
    assert full, "no loop of 6 x 4 products"
    for loop in full:
        assert not [w for w in loop if re.search(r"\(%r[sb]p", w)], "\n".join(loop)
