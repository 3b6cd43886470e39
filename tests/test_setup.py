"""tools/setup.sh on machines that it can't serve: it says what to do and exits 2. The machine is faked by programs in PATH."""
import os
import shutil
import subprocess

import pytest


@pytest.fixture
def setup(root, tmp_path):
    """Runs a copy of the script with some programs replaced: setup(uname="echo x", ...) -> CompletedProcess."""
    (tmp_path / "repository/tools").mkdir(parents=True)
    (tmp_path / "programs").mkdir()
    shutil.copy(root / "tools/setup.sh", tmp_path / "repository/tools")

    def call(*args, **programs):
        for name, body in programs.items():
            file = tmp_path / "programs" / name.replace("gxx", "g++").replace("_", "-")
            file.write_text(f"#!/bin/sh\n{body}\n")
            file.chmod(0o755)
        env = {**os.environ, "PATH": f"{tmp_path}/programs:{os.environ['PATH']}"}
        env.pop("CXX", None)
        return subprocess.run([tmp_path / "repository/tools/setup.sh", *args], env=env, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=60, check=False)

    return call


def test_other_processors_are_refused(setup):
    result = setup(uname='[ "$1" = -m ] && echo aarch64 || echo Linux')
    assert result.returncode == 2
    assert "this is aarch64; GNN-RLE supports x86-64 only" in result.stderr


def test_other_operating_systems_are_refused(setup):
    result = setup(uname="echo Darwin")
    assert result.returncode == 2
    assert "this is Darwin" in result.stderr and "Debian 12, Ubuntu 22.04, Ubuntu 24.04" in result.stderr


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="needs a system with dpkg")
def test_without_root_the_administrators_line_names_what_is_missing(setup):
    present = 'case "$*" in *libfmt*) exit 1;; *libyaml*) echo "installed 0.6.3-9";; *) echo "installed 99";; esac'
    result = setup(id="echo 1000", sudo="exit 1", gxx="echo 10.2.1", dpkg_query=present)
    assert result.returncode == 2
    line = result.stderr.splitlines()[-1]
    assert "apt-get update && apt-get install -y" in line
    assert "g++" in line and "libfmt-dev" in line and "libyaml-cpp-dev" in line
    assert "libgtest-dev" not in line


def test_check_only_installs_nothing(setup, tmp_path):
    result = setup("--check", gxx="echo 10.2.1", apt_get=f"touch {tmp_path}/apt-was-called")
    assert result.returncode == 2
    assert "g++" in result.stderr
    assert not (tmp_path / "apt-was-called").exists()
    assert not (tmp_path / "repository/.venv").exists()


def test_unknown_option_is_an_error(setup):
    result = setup("--fast")
    assert result.returncode == 2
    assert "--check" in result.stdout
