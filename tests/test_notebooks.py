"""The notebooks of examples/notebooks: as they are shown, with their outputs, and (slow) executed in a kernel of their own."""
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "examples/notebooks").glob("*.ipynb"))
METRICS = {"churn_prediction": "roc_auc", "recommendations": "link_prediction_map"}
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|Users|build|usr|var)/")


def code_cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def scores(path):
    """{name: score} of the table that `compared(..., "validation")` shows."""
    [cell] = [c for c in code_cells(path) if re.search(r'^compared\(.*"validation"\)$', "".join(c["source"]), re.MULTILINE)]
    header, *rows = re.findall(r"<tr.*?</tr>", "".join(cell["outputs"][-1]["data"]["text/html"]), re.DOTALL)
    cells = lambda row: re.findall(r"<t[hd]>(.*?)</t[hd]>", row)
    column = cells(header).index(METRICS[path.stem])
    return {cells(row)[0]: float(cells(row)[column]) for row in rows}


def test_there_is_a_notebook_of_each_kind():
    assert [path.stem for path in NOTEBOOKS] == sorted(METRICS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_of_one_run_from_top_to_bottom(path):
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    shown = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in shown if output["output_type"] == "error"]
    assert any("image/png" in output.get("data", {}) or "image/svg+xml" in output.get("data", {}) for output in shown), "the picture of the dataset"
    assert not MACHINE_PATH.search(path.read_text())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_model_shown_beats_every_baseline(path):
    found = scores(path)
    models = {name: score for name, score in found.items() if name.startswith("model")}
    baselines = {name: score for name, score in found.items() if name not in models}
    assert models and len(baselines) >= 3
    assert max(models.values()) > max(baselines.values())


@pytest.mark.slow
@pytest.mark.no_sanitizer("a training of minutes")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, rle_program):
    before = path.read_bytes()
    done = subprocess.run([sys.executable, ROOT / "tools/notebooks.py", "--build", rle_program.parent, path.stem], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert path.read_bytes() == before
