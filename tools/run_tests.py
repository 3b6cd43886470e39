#!/usr/bin/env python3
"""Runs the unit tests (CTest, GoogleTest) and the Python tests, and ends with one line: the count of test cases.

    tools/run_tests.py --build build/release [--jobs N] [--only NAME] [--unit] [--slow]

--only NAME   CTest programs and Python tests whose name contains NAME
--unit        no Python tests
--slow        the Python tests marked slow too
Exit 1 if a test failed, a program crashed or nothing ran, or, in a sanitizer build, if any process reported something.
Of the Python tests a sanitizer build runs those that call `rle`; tests/conftest.py says which of them it leaves out, and why.
"""
import argparse
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

from sanitizer import Reports

ROOT = Path(__file__).resolve().parents[1]


def run_ctest(build, jobs, only, reports, environment):
    command = ["ctest", "--test-dir", str(build), "--output-on-failure", "--no-tests=ignore", "-j", str(jobs)]
    if only:
        command += ["-R", only]
    return subprocess.run(command, env={**environment, "GTEST_OUTPUT": f"xml:{reports}/"}, check=False).returncode


def run_pytest(build, only, slow, reports, environment):
    command = [sys.executable, "-m", "pytest", "-q", "-rs" if environment.get("RLE_SANITIZER") else "-rN", "-p", "no:cacheprovider", "--tb=short",
               f"--junitxml={reports}/pytest.xml", str(ROOT / "tests")]
    if only:
        command += ["-k", only]
    if slow:
        command += ["--slow"]
    code = subprocess.run(command, cwd=ROOT, env={**environment, "RLE_BUILD": str(build)}, check=False).returncode
    return 0 if code == 5 and only else code  # 5: no test of that name


def count(reports):
    """Test cases passed, failed and skipped in all reports."""
    total = failed = skipped = 0
    for report in sorted(reports.glob("*.xml")):
        root = ET.parse(report).getroot()
        for suite in [root] if root.tag == "testsuite" else root.findall("testsuite"):
            total += int(suite.get("tests", 0))
            failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped += int(suite.get("skipped") or 0) + int(suite.get("disabled") or 0)
    return total - failed - skipped, failed, skipped


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="")
    parser.add_argument("--unit", action="store_true")
    parser.add_argument("--slow", action="store_true")
    args = parser.parse_args()
    started = time.monotonic()
    build = args.build.resolve()
    reports = build / "test-reports"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)

    sanitizer = Reports(build)
    environment = sanitizer.environment()
    codes = {"ctest": run_ctest(build, args.jobs, args.only, reports, environment)}
    if not args.unit:
        codes["pytest"] = run_pytest(build, args.only, args.slow, reports, environment)
    passed, failed, skipped = count(reports)
    broken = [name for name, code in codes.items() if code != 0]
    for name in broken:
        if not failed:
            print(f"{name} exited with {codes[name]}: a test program crashed, timed out or was not built", file=sys.stderr)
    for finding in sanitizer.found():
        print(f"the sanitizer reported:\n{finding[:6000]}", file=sys.stderr)
        broken.append("sanitizer")
    if not passed and not failed:
        print("no test ran", file=sys.stderr)
        broken.append("nothing")
    print(f"{passed} passed, {failed + (1 if broken and not failed else 0)} failed"
          f"{f', {skipped} skipped' if skipped else ''} in {time.monotonic() - started:.0f} s")
    return 1 if broken or failed else 0


if __name__ == "__main__":
    sys.exit(main())
