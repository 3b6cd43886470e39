"""tools/check_layers.py accepts the repository, and catches each kind of violation planted in a copy."""
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def copy(root, tmp_path):
    """A copy of what the script looks at."""
    shutil.copy(root / "CMakeLists.txt", tmp_path)
    for folder in ("engine", "tools"):
        shutil.copytree(root / folder, tmp_path / folder)
    return tmp_path


def run(folder):
    script = folder / "tools/check_layers.py"
    return subprocess.run([sys.executable, script, folder], text=True, capture_output=True, check=False)


def append(path, line):
    path.parent.mkdir(exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + line + "\n")


def test_repository_keeps_its_rules(root):
    result = subprocess.run([sys.executable, root / "tools/check_layers.py"], text=True, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("file, line, message", [
    ("engine/base/rng.cc", '#include "graph/graph.h"', 'base/ may not include "graph/graph.h"'),
    ("engine/graph/graph.h", '#include "task/task.h"', 'graph/ may not include "task/task.h"'),
    ("engine/graph/extra.cc", '#include "nn/loss.h"', 'graph/ may not include "nn/loss.h"'),
    ("engine/nn/extra.cc", '#include "../base/error.h"', 'goes up; write "folder/file.h"'),
    ("engine/nn/extra.cc", '#include "loss.h"', 'lacks its folder; write "nn/loss.h"'),
    ("engine/nn/extra.cc", "#include <base/error.h>", 'own headers are included with quotes: "base/error.h"'),
    ("engine/nn/extra.cc", '#include "base/no_such_file.h"', '"base/no_such_file.h" does not exist'),
    ("engine/nn/extra.cc", "#include <arrow-adbc/adbc.h>", "<arrow-adbc/adbc.h> belongs to ingest/, and is included in nn/"),
    ("engine/nn/extra.cc", "\n" * 500, "engine/nn/extra.cc: 501 lines, at most 500"),
    ("engine/base/extra.h", "#pragma once" + "\n" * 150, "engine/base/extra.h: 151 lines, at most 150"),
    ("engine/base/extra.h", "int f();", "engine/base/extra.h: a header without #pragma once"),
    ("engine/stray/extra.cc", "int f();", "engine/stray: holds sources, and CMakeLists.txt has no rle_layer(stray ...)"),
    ("tools/long.py", "\n" * 500, "tools/long.py: 501 lines, at most 500"),
])
def test_planted_violation_is_named(copy, file, line, message):
    append(copy / file, line)
    result = run(copy)
    assert result.returncode == 1
    assert message in result.stderr
    assert file.rsplit("/", 1)[0] in result.stderr


def test_ladder_that_lists_a_layer_above_is_refused(copy):
    lists = copy / "CMakeLists.txt"
    lists.write_text(lists.read_text().replace("rle_layer(graph LAYERS", "rle_layer(graph LAYERS train"))
    result = run(copy)
    assert result.returncode == 1
    assert "layer graph lists train, which is not declared above it" in result.stderr


def test_allowed_lines_stay_allowed(copy):
    before = run(copy)
    append(copy / "engine/train/extra.cc", '#include "model/config.h"\n#include <vector>\n#include "fmt/core.h"')
    append(copy / "engine/apps/extra.cc", '#include "job/job_spec.h"')
    append(copy / "engine/ingest/extra.cc", "#include <arrow-adbc/adbc.h>")
    after = run(copy)
    assert after.returncode == before.returncode
    assert "extra.cc" not in after.stderr
