#!/usr/bin/env python3
"""Executes the notebooks of examples/notebooks: with the SDK of this folder and the built engine, each in an empty folder of its own.

    tools/notebooks.py --build build/release [--write] [NAME ...]

--write puts the outputs into the notebooks (`make notebooks`); without it they stay as they are. The kernel runs in build/notebooks-venv, which is made
from tools/notebooks.txt where it is absent or of another one. Exit 1: a cell failed, took longer than the limit, or shows a path of this machine.
"""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER, VENV, REQUIREMENTS = ROOT / "examples/notebooks", ROOT / "build/notebooks-venv", ROOT / "tools/notebooks.txt"
CELL_SECONDS = 900  # one cell; a machine may be busy
NOISE = {"application/vnd.jupyter.widget-view+json"}


def make_environment():
    """The virtual environment's Python; made where it is not there yet."""
    python, stamp = VENV / "bin/python", VENV / "stamp"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"notebooks: installing {REQUIREMENTS.name} into {VENV.relative_to(ROOT)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary", ":all:", "-r", REQUIREMENTS], check=True)
        stamp.write_text(wanted)
    return python


def stop_host(state):
    """Ends the engine host that the notebook's LocalConnector() started."""
    sys.path.insert(0, str(ROOT / "tests/sdk"))
    from sdk_objects import stop_host as stop

    stop(state / "gnn-rle")


def last_drawing(text):
    """A stream as a terminal would show it: of what is drawn over (progress bars) only the last."""
    return "\n".join(line.rstrip().rsplit("\r", 1)[-1] for line in text.split("\n"))


def joined(outputs):
    """Outputs with the pieces of one stream as one."""
    out = []
    for output in outputs:
        if out and output.output_type == "stream" == out[-1].output_type and output.name == out[-1].name:
            out[-1].text += output.text
        else:
            out.append(output)
    return out


def tidy(notebook):
    """Without what differs from run to run and says nothing: times of cells, ids of widgets, overdrawn progress bars."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:
            cell.outputs = joined(cell.outputs)
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = last_drawing(output.text)
            for kind in NOISE & set(output.get("data", {})):
                del output.data[kind]


def machine_paths(notebook, folder):
    """What the outputs show of this machine."""
    forbidden = [str(ROOT), str(folder), str(Path.home()), tempfile.gettempdir() + "/"]
    shown = "\n".join(json.dumps(cell.get("outputs", [])) for cell in notebook.cells)
    return [shown[max(0, shown.index(path) - 60):shown.index(path) + 60] for path in forbidden if path in shown]


def execute(path, build, write):
    """Whether all its cells ran."""
    import nbformat
    from jupyter_client import AsyncKernelManager
    from jupyter_core.utils import run_sync
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    notebook = nbformat.read(path, as_version=4)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        (Path(folder) / "work").mkdir()
        (Path(folder) / "ipywidgets.py").write_text("raise ImportError\n")  # bars as text: widgets are empty in a file
        os.environ.update(PYTHONPATH=f"{folder}:{ROOT / 'python'}", RLE_ENGINE=str(build / "rle"), XDG_STATE_HOME=str(state))
        kernel = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{folder}/kernel")  # sockets beside the notebook: no port
        try:
            NotebookClient(notebook, km=kernel, timeout=CELL_SECONDS, resources={"metadata": {"path": f"{folder}/work"}}).execute()
        except (CellExecutionError, CellTimeoutError) as error:
            print(f"notebooks: {path.name}: {error}", file=sys.stderr)
            return False
        finally:
            run_sync(kernel.shutdown_kernel)(now=True)
            stop_host(state)
        tidy(notebook)
        if found := machine_paths(notebook, folder):
            print(f"notebooks: {path.name} shows {', '.join(found)}", file=sys.stderr)
            return False
    if write:
        nbformat.write(notebook, path)
    print(f"notebooks: {path.name}: {time.monotonic() - started:.0f} s", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("names", nargs="*", help="notebooks, such as churn_prediction; none: all")
    args = parser.parse_args()
    python = make_environment()
    if Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(python, [str(python), *sys.argv])
    paths = [FOLDER / f"{name}.ipynb" for name in args.names] or sorted(FOLDER.glob("*.ipynb"))
    good = [execute(path, args.build.resolve(), args.write) for path in paths]
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
