"""The notebooks: kept with the outputs of a run, which show nothing of the machine; and they run, each from an empty folder."""
import json
import re
import subprocess
import sys

import pytest

NOTEBOOKS = ("churn_prediction", "recommendations")
MACHINE = re.compile(r"/(?:home|root|tmp|work|Users|var)/\w")


def notebook(root, name):
    return json.loads((root / f"examples/notebooks/{name}.ipynb").read_text())


def shown(cell):
    """What a code cell printed or displayed, as text."""
    return json.dumps(cell["outputs"])


def test_these_are_all_notebooks(root):
    assert sorted(p.stem for p in (root / "examples/notebooks").glob("*.ipynb")) == sorted(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_kept_with_its_outputs(root, name):
    cells = [c for c in notebook(root, name)["cells"] if c["cell_type"] == "code"]
    assert [c["execution_count"] for c in cells] == list(range(1, len(cells) + 1)), "run in order, once"
    assert not [c["source"] for c in cells if any(o["output_type"] == "error" for o in c["outputs"])]
    assert not [MACHINE.search(shown(c)).group() for c in cells if MACHINE.search(shown(c))]
    assert len(json.dumps(cells)) < 200_000
    text = "".join(map(shown, cells))
    assert "<svg" in text and "model" in text, "the dataset's picture, and metrics beside baselines"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_reads_well(root, name):
    cells = notebook(root, name)["cells"]
    titles = [line for c in cells if c["cell_type"] == "markdown" for line in "".join(c["source"]).splitlines() if line.startswith("#")]
    assert titles[0].startswith("# ") and all(title.startswith("## ") for title in titles[1:])
    for cell in cells:
        if cell["cell_type"] == "code":
            compile("".join(cell["source"]), name, "exec")
            assert len("".join(cell["source"]).splitlines()) <= 20


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_model_of_the_kept_run_is_better_than_every_baseline(root, name):
    """The claims of the text: the first row of each comparison is a model's."""
    tables = [o["data"]["text/plain"] for c in notebook(root, name)["cells"] if c["cell_type"] == "code" and "compared(" in "".join(c["source"])
              for o in c["outputs"] if "text/plain" in o.get("data", {})]
    assert len(tables) == 2
    for table in tables:
        rows = [line.rsplit(None, 7 if name == "churn_prediction" else 3) for line in "".join(table).splitlines() if re.search(r"\d\.\d", line)]
        value = {row[0].strip(): float(row[1]) for row in rows if len(row) > 2}
        if len(value) > 1:
            assert max(value, key=value.get).startswith("model"), value


@pytest.mark.slow
@pytest.mark.no_sanitizer("a kernel of its own, minutes long; the engine's own tests run under it")
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(root, build_folder, name):
    done = subprocess.run([sys.executable, root / "tools/notebooks.py", "--build", build_folder, name], capture_output=True, text=True, check=False, timeout=3000)
    assert done.returncode == 0, done.stderr[-4000:]
