#!/usr/bin/env python3
"""Builds the wheels of the Python SDK into a folder: one for any platform, and, with --engine, one with the engine inside.

    tools/make_wheels.py [--engine build/release/librle.so] [--out build/wheels]

The second has librle.so with the shared libraries that it needs, the command `rle` and a dependency on the package duckdb, whose library
the engine reads data with.
"""
import argparse
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DUCKDB = "duckdb>=1.4,<3"
# Not manylinux: the engine is compiled here and wants a C and C++ runtime at least as new as this machine's.
TAG = sysconfig.get_platform().replace("-", "_").replace(".", "_")


def copy_sources(folder):
    """The sources without what running them left behind, with the licence; returns the folder."""
    shutil.copytree(ROOT / "python", folder, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info", "*.so"))
    shutil.copy(ROOT / "LICENSE", folder)
    return folder


def build(sources, out):
    """The wheel that pip makes of these sources."""
    before = set(out.glob("*.whl"))
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-deps", "--no-cache-dir", "-w", str(out), str(sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"make_wheels: pip could not build the wheel:\n{done.stderr.strip()}")
    made = set(out.glob("*.whl")) - before
    if len(made) != 1:
        sys.exit(f"make_wheels: expected one new wheel in {out}, found {len(made)}: is an old one there?")
    return made.pop()


def with_engine(sources, library):
    """Puts the engine and its command into the sources."""
    shutil.copy2(library, sources / "relationalai_gnns/_engine/librle.so")
    (sources / "relationalai_gnns/_engine/lib").mkdir()
    for name, file in bundled(library):
        shutil.copy(file, sources / "relationalai_gnns/_engine/lib" / name)
    subprocess.run(["strip", "--strip-unneeded", sources / "relationalai_gnns/_engine/librle.so"], check=False)
    project = sources / "pyproject.toml"
    text = project.read_text()
    text = re.sub(r'^dependencies = \["(.*?)"\]$', rf'dependencies = ["\1", "{DUCKDB}"]', text, flags=re.M)
    project.write_text(text.replace("[project.optional-dependencies]", '[project.scripts]\nrle = "relationalai_gnns._engine:main"\n\n[project.optional-dependencies]'))


def bundled(library):
    """The shared libraries that the engine needs beside those of the C and C++ runtimes, by the name it asks for them: (name, file)."""
    lines = subprocess.run(["ldd", library], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^\s*(\S+) => (\S+) ", lines, flags=re.M)
    return [(name, Path(file)) for name, file in found if not re.match(r"(libc|libm|libstdc\+\+|libgcc_s|libdl|libpthread|librt)\.so", name)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "build/wheels")
    args = parser.parse_args()
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        wheels = [build(copy_sources(Path(scratch) / "any"), args.out)]
        if args.engine is not None:
            sources = copy_sources(Path(scratch) / "engine")
            with_engine(sources, args.engine)
            (Path(scratch) / "out").mkdir()
            plain = build(sources, Path(scratch) / "out")
            tags = [sys.executable, "-m", "wheel", "tags", "--remove", "--platform-tag", TAG, str(plain)]
            subprocess.run(tags, check=True, stdout=subprocess.DEVNULL)
            wheels.append(Path(shutil.copy(next((Path(scratch) / "out").glob("*.whl")), args.out)))
    for wheel in wheels:
        print(f"{wheel.relative_to(Path.cwd()) if wheel.is_relative_to(Path.cwd()) else wheel} ({wheel.stat().st_size / 1e6:.2f} MB)")


if __name__ == "__main__":
    main()
