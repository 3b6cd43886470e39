#!/usr/bin/env python3
"""Checks the rules of docs/architecture.md that a compiler does not: prints one line a violation, exits 1 if there is any.

    python3 tools/check_layers.py [ROOT]

- rle_layer() in CMakeLists.txt lists only layers declared above it;
- a file in engine/X includes "Y/..." only where Y is X or one of X's layers, the header exists, and no path holds "..";
- headers of the ADBC driver manager are included in ingest/ only, those of Boost in http/ only;
- a source has at most 500 lines, a header at most 150 and #pragma once;
- a Python or shell file has at most 500 lines.
"""
import re
import sys
from pathlib import Path

MAX_SOURCE, MAX_HEADER = 500, 150
LAYER = re.compile(r"^\s*rle_layer\(\s*(\w+)(?:\s+LAYERS\s+([\w\s]+?))?\s*\)", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
ONLY_IN = {"arrow-adbc/": "ingest", "boost/": "http"}  # a foreign header's folder -> the one layer that may include it


def read_ladder(root):
    """Layer -> the layers it may include, in the order of CMakeLists.txt; and the violations in that list itself."""
    ladder, problems = {}, []
    for name, below in LAYER.findall((root / "CMakeLists.txt").read_text()):
        listed = (below or "").split()
        for other in listed:
            if other not in ladder:
                problems.append(f"CMakeLists.txt: layer {name} lists {other}, which is not declared above it")
        ladder[name] = set(listed)
    if not ladder:
        problems.append("CMakeLists.txt: no rle_layer(...) line found")
    return ladder, problems


def check_include(path, where, folder, allowed, quote, target, ladder):
    """The violations of one #include line."""
    first = target.split("/")[0]
    engine = next(p.parent for p in path.parents if p.name == folder and p.parent.name == "engine")
    if ".." in target.split("/"):
        return [f'{where}: #include "{target}" goes up; write "folder/file.h"']
    for prefix, owner in ONLY_IN.items():
        if target.startswith(prefix) and folder != owner:
            return [f"{where}: <{target}> belongs to {owner}/, and is included in {folder}/"]
    if quote == "<":
        return [f'{where}: own headers are included with quotes: "{target}"'] if first in ladder and "/" in target else []
    if "/" not in target:
        beside = (path.parent / target).exists()
        return [f'{where}: #include "{target}" lacks its folder; write "{folder}/{target}"'] if beside else []
    if first not in ladder:
        known = (engine / first).is_dir()
        return [f"{where}: {first}/ is no layer that another folder may include"] if known and first != folder else []
    if first != folder and first not in allowed:
        listed = ", ".join(sorted(allowed)) or "nothing"
        return [f'{where}: {folder}/ may not include "{target}": it may include {listed} (CMakeLists.txt, docs/architecture.md)']
    if not (engine / target).exists():
        return [f'{where}: "{target}" does not exist']
    return []


def check_source(path, root, ladder):
    """The violations of one file of engine/."""
    shown = path.relative_to(root)
    folder = path.relative_to(root / "engine").parts[0]
    allowed = ladder.get(folder, set(ladder))  # apps/ stands on top and may include every layer
    lines = path.read_text(encoding="utf-8").splitlines()
    problems = check_length(shown, lines, MAX_HEADER if path.suffix == ".h" else MAX_SOURCE)
    if path.suffix == ".h" and "#pragma once" not in lines:
        problems.append(f"{shown}: a header without #pragma once")
    for number, line in enumerate(lines, 1):
        if match := INCLUDE.match(line):
            problems += check_include(path, f"{shown}:{number}", folder, allowed, *match.groups(), ladder)
    return problems


def check_length(shown, lines, limit):
    if len(lines) > limit:
        return [f"{shown}: {len(lines)} lines, at most {limit}: one idea per file, split it"]
    return []


def check(root):
    """Every violation under root, as lines, and the number of files looked at."""
    ladder, problems = read_ladder(root)
    engine = root / "engine"
    sources = sorted(p for p in engine.rglob("*") if p.suffix in (".h", ".cc"))
    for folder in sorted({p.relative_to(engine).parts[0] for p in sources} - set(ladder) - {"apps"}):
        problems.append(f"engine/{folder}: holds sources, and CMakeLists.txt has no rle_layer({folder} ...)")
    for path in sources:
        problems += check_source(path, root, ladder)
    scripts = sorted(p for d in ("tools", "bench", "tests", "examples", "python") for p in (root / d).rglob("*") if p.suffix in (".py", ".sh"))
    for path in scripts:
        problems += check_length(path.relative_to(root), path.read_text(encoding="utf-8").splitlines(), MAX_SOURCE)
    return problems, len(sources) + len(scripts), len(ladder)


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]).resolve()
    problems, files, layers = check(root)
    for line in problems:
        print(f"check_layers: {line}", file=sys.stderr)
    if problems:
        print(f"check_layers: {len(problems)} violations in {files} files", file=sys.stderr)
        return 1
    print(f"check_layers: ok ({files} files, {layers} layers)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
