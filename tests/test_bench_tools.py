"""The tools around the benchmarks: results compared, programs that take turns, and (slow) what `make bench` writes."""
import json
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def turns(root):
    sys.path.insert(0, str(root / "bench"))
    import turns
    yield turns
    sys.path.remove(str(root / "bench"))


def row(name, value, unit="seeds/s", others=0.0, flags="avx2 fma"):
    return {"name": name, "value": value, "unit": unit, "conditions": "", "cpu_flags": flags, "others": others}


@pytest.fixture
def compare(root, tmp_path):
    def call(old, new, *args, code=0):
        for name, rows in (("old", old), ("new", new)):
            (tmp_path / name).write_text(rows if isinstance(rows, str) else json.dumps(rows))
        done = subprocess.run([sys.executable, root / "bench/bench_compare.py", tmp_path / "old", tmp_path / "new", *args],
                              text=True, capture_output=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr
    return call


def test_more_seeds_are_better_and_more_milliseconds_worse(compare):
    old = [row("speed", 100), row("step", 10, "ms"), row("still", 50), row("gone", 1)]
    new = [row("speed", 150), row("step", 20, "ms", others=0.5), row("still", 50.5), row("fresh", 1)]
    lines = compare(old, new).splitlines()
    assert "speed" in lines[0] and "1.50 x better" in lines[0] and "*" not in lines[0]
    assert "step" in lines[1] and "0.50 x as good: WORSE *" in lines[1]
    assert not any("still" in line for line in lines)
    assert any("only in" in line and "gone" in line for line in lines) and any("only in" in line and "fresh" in line for line in lines)
    assert lines[-1] == "3 figures compared: 1 better, 1 worse"
    assert "same" in compare(old, new, "--all")


def test_results_of_another_cpu_and_files_of_other_things_are_told(compare):
    assert "different kinds of CPU" in compare([row("a", 1)], [row("a", 1, flags="avx2 fma avx512f")])
    assert "no results of make bench" in compare("nothing", [], code=1)
    assert "no results of make bench" in compare('{"a": 1}', [], code=1)


TALKER = """
import json, sys
say = lambda **m: print(json.dumps(m), flush=True)
say(event="loaded", columns={}), say(event="ready")
for n, _ in enumerate(sys.stdin):
    open(sys.argv[1], "a").write(sys.argv[2])
    say(event="pass", seeds_s=float(sys.argv[3]) + n, others=0.01 * n, losses=[])
say(event="summary", seeds_s=0)
"""


def test_sides_take_turns_and_give_medians(turns, tmp_path):
    log = tmp_path / "log"
    sides = [turns.Side(name, [sys.executable, "-c", TALKER, log, name, speed], set(turns.cpus())) for name, speed in (("a", 10), ("b", 100))]
    assert turns.take_turns(sides, 3) == [{"event": "summary", "seeds_s": 0}] * 2
    assert log.read_text() == "ababab"
    assert [side.seeds_s for side in sides] == [11, 101]
    assert sides[0].others == pytest.approx(0.02)


def test_a_side_that_ends_early_is_named(turns):
    with pytest.raises(SystemExit, match="the peer ended with exit code 3 where 'loaded' was expected"):
        turns.Side("the peer", [sys.executable, "-c", "raise SystemExit(3)"], set(turns.cpus()))


@pytest.mark.slow
def test_bench_writes_figures_with_their_conditions(root, build_folder, tmp_path):
    output = tmp_path / "results.json"
    subprocess.run([sys.executable, root / "bench/bench.py", "--build", build_folder, "--only", "jobs", "--jobs", "f1", "--output", output],
                   check=True, timeout=900)
    rows = {r["name"]: r for r in json.loads(output.read_text())}
    assert all(set(r) == {"name", "value", "unit", "conditions", "cpu_flags", "others"} for r in rows.values())
    assert rows["f1/training"]["value"] > 0 and rows["f1/peak_memory"]["unit"] == "GiB"
    assert 0 < rows["f1/of_limit"]["value"] < 120
    assert rows["f1-512/0_blocks/ratio"]["value"] > 1
    assert rows["peak/copy_gb_s"]["value"] > 0
