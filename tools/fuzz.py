#!/usr/bin/env python3
"""Runs the tests named *Fuzz* of a build for a given time, shared equally by layers and then by tests, and ends with their iterations.

    tools/fuzz.py --build build/asan --seconds 1200 [--seed N] [LAYER...]

What is found is printed with the seed and the iteration that repeat it (engine/base/fuzz_testing.h). Another --seed finds other damage.
Exit 1 if something was found.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

from sanitizer import Reports

LAYERS = ("job", "train", "ingest")  # specifications, checkpoints, Arrow


def tests_of(program):
    """Names of the fuzz tests of a test program."""
    listed = subprocess.run([program, "--gtest_list_tests", "--gtest_filter=*Fuzz*"], text=True, capture_output=True, check=True).stdout
    suite, names = "", []
    for line in listed.splitlines():
        if line.startswith("  "):
            names.append(suite + line.strip())
        elif line.endswith("."):
            suite = line
    return names


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("layers", nargs="*", default=LAYERS)
    args = parser.parse_args()
    build = args.build.resolve()
    reports = Reports(build)
    lines, found = [], 0
    for layer in args.layers:
        program = build / f"rle_{layer}_test"
        names = tests_of(program)
        if not names:
            sys.exit(f"{program} has no test named *Fuzz*")
        seconds = max(1, args.seconds // len(args.layers) // len(names))
        for name in names:
            environment = {**reports.environment(), "RLE_FUZZ_SECONDS": str(seconds), "RLE_FUZZ_SEED": str(args.seed)}
            result = subprocess.run([program, f"--gtest_filter={name}"], env=environment, text=True, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, check=False)
            done = re.search(r"^fuzz: .*", result.stdout, re.MULTILINE)
            print(f"{name}: {done[0] if done else 'did not end'} in {seconds} s", flush=True)
            if result.returncode != 0:
                found += 1
                print("\n".join(result.stdout.splitlines()[-40:]), file=sys.stderr)
    for finding in reports.found():
        print(finding[:6000], file=sys.stderr)
    print(f"fuzz: {found} findings in {args.seconds} s" if found else f"fuzz: nothing found in {args.seconds} s")
    sys.exit(1 if found or reports.found() else 0)


if __name__ == "__main__":
    main()
