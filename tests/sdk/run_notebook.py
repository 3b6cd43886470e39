"""Executes the cells of a JSON list (standard input) in one Jupyter kernel; prints their outputs and the state of the widgets as JSON."""

import json
import sys

import nbformat
from nbclient import NotebookClient

cells = json.load(sys.stdin)
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
NotebookClient(notebook, timeout=300, kernel_name="python3", allow_errors=True).execute()
widgets = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
print(json.dumps({"outputs": [cell.outputs for cell in notebook.cells], "widgets": [w["state"] for w in widgets.values()]}))
