"""docs/sdk.md: every Python block runs, in order, in one namespace; a block that is marked `refuses` ends with exactly that error."""

import importlib.util
import re
import sys
import types
import warnings

import pytest

BLOCK = re.compile(r"(?:<!-- refuses: (\w+): ([^\n]*) -->\n)?```python\n(.*?)```", re.S)


def blocks(root):
    """(line, type of the error or None, its text, code) of each block."""
    text = (root / "docs/sdk.md").read_text()
    return [(text[: m.start(3)].count("\n") + 1, m[1], m[2], m[3]) for m in BLOCK.finditer(text)]


@pytest.fixture
def helpers(tmp_path, monkeypatch):
    """What the page takes for granted: credentials in the environment; a program `dot` and IPython, or what stands in for them."""
    import shutil

    for name in ("ACCOUNT_NAME", "USER_NAME", "PASSWORD", "WAREHOUSE", "APP_NAME", "PRIVATE_KEY_PATH", "ACCESS_TOKEN"):
        monkeypatch.setenv(name, f"the {name.lower()}")
    if shutil.which("dot") is None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/dot").write_text("#!/bin/sh\ncat\n")
        (tmp_path / "bin/dot").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    if importlib.util.find_spec("IPython") is None:
        display = types.ModuleType("IPython.display")
        display.Image = display.SVG = bytes_or_text
        display.display = lambda shown: None
        package = types.ModuleType("IPython")
        package.display = display
        monkeypatch.setitem(sys.modules, "IPython", package)
        monkeypatch.setitem(sys.modules, "IPython.display", display)


def bytes_or_text(data):
    assert data
    return data


def namespace(school, output, url, token):
    sources = {
        name.upper(): str(school / f"{name}.parquet")
        for name in (
            "students",
            "classes",
            "students_take_class",
            "train",
            "validation",
            "test",
            "link_train",
            "link_validation",
            "link_test",
            "customers",
            "articles",
            "purchases",
        )
    }
    return {**sources, "OUTPUT": str(output), "HOST_URL": url, "HOST_TOKEN": token}


def run_all(root, names):
    """Runs every block; returns how many refused."""
    import relationalai_gnns

    refused = 0
    for line, kind, text, code in blocks(root):
        compiled = compile("\n" * (line - 1) + code, "docs/sdk.md", "exec")
        if kind is None:
            exec(compiled, names)
            continue
        with pytest.raises(getattr(relationalai_gnns, kind)) as error:
            exec(compiled, names)
        assert " ".join(str(error.value).split()) == text, f"docs/sdk.md:{line}"
        refused += 1
    return refused


def test_the_page_on_the_small_host(root, host, school, tmp_path, monkeypatch, helpers):
    from relationalai_gnns import _local_host
    from relationalai_gnns._http import Address

    host.epochs = 2
    monkeypatch.setattr(_local_host, "find_or_start", lambda state=None: Address(host.url, host.token))
    (tmp_path / "out").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = namespace(school, tmp_path / "out", host.url, host.token)
        assert run_all(root, names) == len([b for b in blocks(root) if b[1]]) > 10
    assert names["links"].column_names[-2:] == ["predicted_article_id", "predicted_scores"]
    assert names["predictions"].num_rows == 20 and (tmp_path / "out/schema.svg").exists()


@pytest.mark.slow
def test_the_page_on_the_engine(root, real_state, school, tmp_path, helpers):
    from relationalai_gnns import LocalConnector

    connector = LocalConnector()
    (tmp_path / "out").mkdir()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        names = namespace(school, tmp_path / "out", connector.endpoint_url, connector.client.address.token)
        run_all(root, names)
    assert names["predictions"].column_names[-2:] == ["predicted_label", "predicted_prob"]
    assert all(len(articles) == len(set(articles)) == 10 for articles in names["links"]["predicted_article_id"].to_pylist())
    assert [str(w.message) for w in caught if "cuda" in str(w.message)]  # this engine has no GPU, and says so


def test_the_page_names_every_call_of_the_package(root):
    """Public classes and their public methods stand somewhere on the page."""
    import relationalai_gnns

    text = (root / "docs/sdk.md").read_text()
    missing = []
    for name in (
        "Provider",
        "LocalConnector",
        "GNNTable",
        "NodeTask",
        "LinkTask",
        "Dataset",
        "TrainerConfig",
        "Trainer",
        "OutputConfig",
        "JobMonitor",
        "JobManager",
        "ModelManager",
        "ForeignKey",
        "CandidateKey",
        "EvaluationMetric",
        "ColumnDType",
        "SnowflakeConnector",
        "SnowflakeConnectorDirectAccess",
        "ExperimentConfig",
    ):
        missing += [name] if name not in text else []
    for name in ("Provider", "GNNTable", "Trainer", "JobMonitor", "JobManager", "ModelManager"):
        kind = getattr(relationalai_gnns, name)
        missing += [f"{name}.{m}" for m in vars(kind) if not m.startswith("_") and m not in ("keys", "candidate_keys") and m not in text]
    from relationalai_gnns.config import PARAMETERS

    missing += [p.name for p in PARAMETERS if f"`{p.name}`" not in text]
    assert not missing
