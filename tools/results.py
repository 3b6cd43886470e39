#!/usr/bin/env python3
"""Trains the Formula 1 tasks and writes docs/results.md: how good the models are, beside simple baselines.

    tools/results.py --build build/release [--seeds 42 43 44 45 46] [--tasks driver-position ...] [--work build/results]

Each model is trained once with the history frozen at 2010-01-01 (as the specifications say), then judged twice: "frozen", and
"rolling", where every test row sees the whole history up to its own time. A run whose outcome lies in the work folder already
is not repeated.
"""
import argparse
import json
import statistics
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import link_results

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples/f1"
METRICS = {"driver-position": "mae", "driver-dnf": "roc_auc", "driver-top3": "roc_auc"}
COMMAND = "make results"
REFERENCE = ROOT / "docs/reference_results.json"  # written by tools/golden/train_reference.py
# Columns of numbers with nulls, which the published code loses in its first steps (docs/model.md); the other columns have the declared dtypes by inference too.
LOST = "fastestLap, milliseconds, number, position, rank"
WITHOUT_LOST = ["--set", "tables.results.columns={date: datetime}", "--set", f"tables.results.exclude=[{LOST}]"]


def call(program, *words):
    done = subprocess.run([program, *map(str, words), "--json", "--quiet"], cwd=ROOT, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"rle {' '.join(map(str, words))}: exit code {done.returncode}\n{done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def outcome(program, task, seed, work, changes=(), name=None, folder_of_specs=EXAMPLES):
    """{"fit": ..., and of node tasks "rolling": ..., of circuits "ranked": ...} of one run, kept in work/NAME-SEED/outcome.json; name: the task's, with changes of the specification another."""
    folder = work / f"{name or task}-{seed}"
    kept = folder / "outcome.json"
    if kept.exists():
        return json.loads(kept.read_text())
    if folder.exists():
        sys.exit(f"{folder} holds an unfinished run: remove it")
    folder.mkdir(parents=True)
    spec = folder_of_specs / f"{task}.yaml"
    found = {"fit": call(program, "fit", spec, "--model", folder / "model", "--set", f"config.seed={seed}", *changes)}
    if task in METRICS:
        found["rolling"] = call(program, "evaluate", spec, "--model", folder / "model", "--split", "test", "--set", "config.visible_until=null", *changes)
    elif folder_of_specs == EXAMPLES:
        predictions = folder / "predictions.parquet"
        call(program, "predict", spec, "--model", folder / "model", "--output", predictions, *changes)
        found["ranked"] = link_results.ranked(predictions)
    kept.write_text(json.dumps(found, indent=1))
    print(f"{task}, seed {seed}: {found['fit']['seconds']:.0f} s", flush=True)
    return found


def split(scores, name):
    return next(s for s in scores if s["split"] == name)


def spread(values):
    mean = f"{statistics.mean(values):.3f}"
    return f"{mean} ± {statistics.stdev(values):.3f}" if len(values) > 1 else mean


def best_baseline(score, metric):
    values = [(b["metrics"][metric], f"{b['name']}, {b['labels']} labels") for b in score["baselines"] if b["metrics"][metric] is not None]
    value, name = (min if metric in ("mae", "rmse") else max)(values)
    return f"{value:.3f} ({name})"


def table(runs, seeds):
    lines = ["| task | metric | validation | test, frozen | test, rolling | best baseline on test | epoch chosen |", "|---|---|---|---|---|---|---|"]
    for task, outcomes in runs.items():
        metric = METRICS[task]
        of = lambda pick: spread([pick(o)["metrics"][metric] for o in outcomes])
        lines.append(f"| {task} | {metric} | {of(lambda o: split(o['fit']['scores'], 'validation'))} | "
                     f"{of(lambda o: split(o['fit']['scores'], 'test'))} | {of(lambda o: split(o['rolling']['scores'], 'test'))} | "
                     f"{best_baseline(split(outcomes[0]['fit']['scores'], 'test'), metric)} | {', '.join(str(o['fit']['best_epoch']) for o in outcomes)} |")
    lines += ["", f"By seed ({', '.join(map(str, seeds))}), test frozen / rolling:", ""]
    for task, outcomes in runs.items():
        metric = METRICS[task]
        pairs = [f"{split(o['fit']['scores'], 'test')['metrics'][metric]:.3f} / {split(o['rolling']['scores'], 'test')['metrics'][metric]:.3f}" for o in outcomes]
        lines.append(f"- {task}: {', '.join(pairs)}")
    return "\n".join(lines)


def beside_baselines(runs, seeds):
    """Every baseline of the test split, and the model of the first seed among them, best first."""
    lines = []
    for task, outcomes in runs.items():
        metric = METRICS[task]
        score = split(outcomes[0]["fit"]["scores"], "test")
        rows = [(b["metrics"][metric], f"{b['name']}, {b['labels']} labels") for b in score["baselines"] if b["metrics"][metric] is not None]
        rows.append((score["metrics"][metric], f"**model, seed {seeds[0]}**"))
        rows.sort(reverse=metric not in ("mae", "rmse"))
        lines += ["", f"| {task}, test ({score['rows']} rows, frozen) | {metric} |", "|---|---|"]
        lines += [f"| {name} | {value:.3f} |" for value, name in rows]
    return "\n".join(lines)


def variant(run):
    """What a run of tools/golden/train_reference.py trained."""
    options = [text for text, holds in (
        ("finite gradients of columns with nulls", run["nulls"] == "masked"),
        ("statistics of what training may see", run["statistics"] == "training"),
        ("text columns as hashed vectors", run["text"] == "hashed"),
        ("every copy of a row encoded by itself", run["copies"])) if holds]
    return "public code, " + (", ".join(options) or "as published")


def reference_runs(task):
    runs = json.loads(REFERENCE.read_text()) if REFERENCE.exists() else []
    return [run for run in runs if run["task"] == task]


def beside_reference(runs, without_lost, seeds):
    """Tasks that docs/reference_results.json has: the engine with all columns and without those that the public code loses, then the public code."""
    lines = []
    for task, changed in without_lost.items():
        score = lambda outcome, name: split(outcome["fit"]["scores"], name)["metrics"][METRICS[task]]
        rows = {name: [(seed, score(o, "validation"), score(o, "test")) for seed, o in zip(seeds, outcomes)]
                for name, outcomes in (("**this engine**", runs[task]), ("**this engine**, without the columns that the public code loses", changed))}
        for run in reference_runs(task):
            rows.setdefault(variant(run), []).append((run["seed"], run["validation"], run["test"]))
        lines += ["", f"| {task}, {METRICS[task]} | validation | test, frozen | by seed, test |", "|---|---|---|---|"]
        for name, values in rows.items():
            by_seed = ", ".join(f"{seed}: {test:.3f}" for seed, _, test in sorted(values))
            lines.append(f"| {name} | {spread([v for _, v, _ in values])} | {spread([t for _, _, t in values])} | {by_seed} |")
    if not lines:
        return ""
    return f"""
## Beside the public code

RelBench's model, trained by [tools/golden/train_reference.py](../tools/golden/README.md) with the same settings on the same files, text columns left out
there too unless a row says otherwise. The same seed is not the same random numbers. As published, that code loses the columns of numbers with nulls in its first steps (their
gradient is not finite; see [model.md](model.md)): {LOST} of the results.
""" + "\n".join(lines) + "\n"


def page(runs, without_lost, seeds):
    return f"""# Results

Made by `{COMMAND}` (tools/results.py); nothing here is typed in by hand. Formula 1 database of [examples/f1](../examples/f1/README.md), preset
`relbench`, fanouts 128 and 64, {len(seeds)} seed{'s' if len(seeds) > 1 else ''}; mean{' and sample standard deviation' if len(seeds) > 1 else ''} over the seeds. Text columns are left out.

{table(runs, seeds)}

- **frozen**: every test row sees the history up to 2010-01-01 only, as in RelBench's protocol, though test rows reach to 2016 (driver-position) and
  2013. What a driver did after that day is unknown to the model; so it is to the baselines, which use the labels of train and validation. Nearly half of
  driver-position's test rows are of drivers who came later ([examples/f1](../examples/f1/README.md)).
- **rolling**: the same models (the same bytes), each test row sees the whole history up to its own time: what a user would have at that time.
- The best epoch is chosen on validation; nothing is tuned on test.
- roc_auc: higher is better; mae (mean absolute error, finishing places): lower is better. Baselines are those that `rle evaluate` prints, with labels whose
  window had closed by the row's time.

## Beside the baselines
{beside_baselines(runs, seeds)}
{beside_reference(runs, without_lost, seeds)}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--work", type=Path, default=ROOT / "build/results")
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44, 45, 46])
    parser.add_argument("--tasks", nargs="+", choices=METRICS, default=list(METRICS))
    parser.add_argument("--links", action=argparse.BooleanOptionalAction, default=True, help="driver-circuit-compete as well")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/results.md")
    options = parser.parse_args()
    program = options.build.resolve() / "rle"
    runs = {task: [outcome(program, task, seed, options.work.resolve()) for seed in options.seeds] for task in options.tasks}
    without_lost = {task: [outcome(program, task, seed, options.work.resolve(), WITHOUT_LOST, f"{task}-changed") for seed in options.seeds] for task in options.tasks if reference_runs(task)}
    links = {method: [outcome(program, spec, seed, options.work.resolve(), changes, method.replace(" ", "-")) for seed in options.seeds]
             for method, (spec, changes) in link_results.METHODS.items()} if options.links else {}
    text = page(runs, without_lost, options.seeds)
    if links:
        text += link_results.section(links, EXAMPLES, datetime(2010, 1, 1), spread, split)
        shop = link_results.make_shop(options.work.resolve())
        bought = {method: [outcome(program, "purchases", seed, options.work.resolve(), changes, f"shop-{method}".replace(" ", "-"), shop) for seed in options.seeds]
                  for method, changes in link_results.SHOP_METHODS.items()}
        text += link_results.shop_section(bought, spread, split)
    options.out.write_text(text)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
