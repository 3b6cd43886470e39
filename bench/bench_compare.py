#!/usr/bin/env python3
"""Two files of results side by side: bench/bench_compare.py OLD NEW [--all]

Prints the figures that both have and that changed by more than 3 % (--all: every one), by how much and whether that is better; then what
only one of them has. A figure during which other processes were busy is marked *.
"""
import argparse
import json
import sys
from pathlib import Path

from turns import BUSY

LESS_IS_BETTER = {"ms", "us", "ns", "s", "GiB"}
SAME = 0.03


def read(path):
    try:
        rows = json.loads(path.read_text())
        return {row["name"]: row for row in rows}
    except (OSError, ValueError, TypeError, KeyError) as error:
        sys.exit(f"{path}: no results of make bench ({error})")


def compared(old, new):
    """(better by this factor, line) of each figure that both have, in the order of the new file."""
    for name, row in new.items():
        before = old.get(name)
        if before is None or before["unit"] != row["unit"] or not before["value"] or not row["value"]:
            continue
        change = row["value"] / before["value"]
        better = 1 / change if row["unit"] in LESS_IS_BETTER else change
        verdict = "same" if abs(better - 1) <= SAME else f"{better:.2f} x {'better' if better > 1 else 'as good: WORSE'}"
        mark = " *" if max(row["others"], before["others"]) > BUSY else ""
        yield better, f"  {name:<58} {before['value']:12g} -> {row['value']:12g} {row['unit']:<9} {verdict}{mark}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--all", action="store_true")
    args = parser.parse_args()
    old, new = read(args.old), read(args.new)
    flags = [{row["cpu_flags"] for row in rows.values()} for rows in (old, new)]
    if flags[0] != flags[1]:
        print("  the two are of different kinds of CPU: figures can't be compared, only ratios within a file")
    lines = list(compared(old, new))
    for better, line in lines:
        if args.all or abs(better - 1) > SAME:
            print(line)
    for rows, others, which in ((old, new, args.old), (new, old, args.new)):
        if missing := [name for name in rows if name not in others]:
            print(f"  only in {which}: {', '.join(missing)}")
    print(f"{len(lines)} figures compared: {sum(b > 1 + SAME for b, _ in lines)} better, {sum(b < 1 - SAME for b, _ in lines)} worse")


if __name__ == "__main__":
    main()
