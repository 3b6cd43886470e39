"""The package as a whole: what it exports, how soon it is imported, its types, its docstrings, its size of files."""

import ast
import importlib.util
import inspect
import subprocess
import sys

import pytest

PUBLISHED = """Trainer TrainerConfig SnowflakeConnector SnowflakeConnectorDirectAccess Dataset CandidateKey LocalConnector ForeignKey GNNTable JobHandler JobManager EvaluationMetric
JobMonitor Provider Task LinkTask NodeTask TaskType ColumnDType OutputConfig SnowflakeSettings DatasetDiagram ValidationError ConnectionError InternalError ExperimentConfig ModelManager
JobMonitorError JobManagerError JobHandlerError GNNError __version__""".split()


def modules(root):
    return sorted((root / "python/relationalai_gnns").rglob("*.py"))


def test_every_published_name_is_exported():
    import relationalai_gnns

    assert set(PUBLISHED) <= set(relationalai_gnns.__all__)
    for name in relationalai_gnns.__all__:
        assert getattr(relationalai_gnns, name) is not None
    namespace = {}
    exec("from relationalai_gnns import *", namespace)
    assert set(relationalai_gnns.__all__) <= set(namespace)
    with pytest.raises(AttributeError, match="no attribute 'Trainr'"):
        relationalai_gnns.Trainr


def test_the_import_is_fast_and_takes_nothing_heavy(root):
    script = (
        "import sys, time; t = time.perf_counter(); import relationalai_gnns; print(time.perf_counter() - t);"
        "from relationalai_gnns import Trainer, LocalConnector;"
        "print([m for m in ('numpy', 'pandas', 'polars', 'pyarrow', 'tqdm', 'http.client', 'ssl', 'IPython') if m in sys.modules])"
    )
    best = min(float(run(root, script)[0]) for _ in range(5))
    assert best < 0.15
    assert run(root, script)[1] == "[]"


def run(root, script):
    return subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(root / "python")}, capture_output=True, text=True, check=True
    ).stdout.splitlines()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed: types are not checked")
def test_types_are_complete(root, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.10", "--cache-dir", str(tmp_path), "relationalai_gnns"],
        cwd=root / "python",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert (root / "python/relationalai_gnns/py.typed").exists()


def test_everything_public_has_a_docstring():
    import relationalai_gnns

    bare = []
    for name in relationalai_gnns.__all__:
        thing = getattr(relationalai_gnns, name)
        if not inspect.isclass(thing):
            continue
        bare += [name] if not thing.__doc__ else []
        for member, value in vars(thing).items():
            function = (
                value.fget if isinstance(value, property) else value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
            )
            if not member.startswith("_") and inspect.isfunction(function) and not function.__doc__:
                bare.append(f"{name}.{member}")
    assert not bare


def test_every_argument_is_explained():
    """Arguments of public calls with more than one argument are named in the docstring, or in the class's."""
    import relationalai_gnns

    missing = []
    for name in relationalai_gnns.__all__:
        thing = getattr(relationalai_gnns, name)
        if not inspect.isclass(thing) or issubclass(thing, Exception) or not thing.__module__.startswith("relationalai_gnns"):
            continue
        for member, function in [
            (m, f) for m, f in vars(thing).items() if inspect.isfunction(f) and (m == "__init__" or not m.startswith("_"))
        ]:
            arguments = [a for a in inspect.signature(function).parameters if a not in ("self", "cls")]
            text = f"{function.__doc__} {thing.__doc__}"
            missing += [f"{name}.{member}: {a}" for a in arguments if len(arguments) > 2 and a not in text]
    assert not missing


def test_files_and_functions_are_small(root):
    long_files = [f"{p.name}: {n}" for p in modules(root) if (n := len(p.read_text().splitlines())) > 500]
    long_functions = []
    for path in modules(root):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (node.end_lineno - body[0].lineno + 1) if body else 0
                long_functions += [f"{path.name}: {node.name} {lines}"] if lines > 60 else []
    assert not long_files and not long_functions


def test_files_have_no_machine_paths(root):
    for path in modules(root):
        text = path.read_text()
        assert "/work" not in text and "/root" not in text and "/tmp" not in text, path


def test_the_versions_are_one(root):
    import re

    import relationalai_gnns

    engine = re.search(r"project\(gnn_rle VERSION (\S+)", (root / "CMakeLists.txt").read_text()).group(1)
    assert relationalai_gnns.__version__ == engine


def test_the_published_package_beside_this_one_is_told_of(host, tmp_path, monkeypatch):
    from relationalai_gnns import LocalConnector, _installation

    about = tmp_path / "relationalai_gnns-0.3.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: relationalai-gnns\nVersion: 0.3.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    _installation.warn_of_the_published_package.cache_clear()
    with pytest.warns(UserWarning, match="relationalai-gnns 0.3.0 is installed beside gnn-rle"):
        LocalConnector(url=host.url, token=host.token)
    LocalConnector(url=host.url, token=host.token)  # once is enough
