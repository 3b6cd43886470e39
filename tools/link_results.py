"""The section on links of docs/results.md: driver-circuit-compete and the purchases of a made-up shop, by two towers, by repeated links and by their fusion."""
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as parquet

ROOT = Path(__file__).resolve().parents[1]

TASK, K = "driver-circuit-compete", 10
METRIC = "link_prediction_map"
FOUR_HOPS = ["--set", "config.fanouts=[64,32,16,4]", "--set", "config.temporal_strategy=last"]
# name: specification in examples/f1, changes
METHODS = {
    "two towers, 2 layers": (TASK, []),
    "repeated links (ID-GNN), 2 layers": (f"{TASK}-repeat", ["--set", "config.gnn_layers=2"]),
    "repeated links (ID-GNN), 4 layers": (f"{TASK}-repeat", ["--set", "config.gnn_layers=4"]),
    "fusion, 2 layers": (TASK, [*FOUR_HOPS, "--set", "config.gnn_layers=2", "--set", "config.link_fusion=true"]),
}
SHOP = ["--set", "config.preset=sdk", "--set", "config.lr=0.003", "--set", "config.channels=64", "--set", "config.fanouts=[32,8]", "--set", "config.conv_aggregation=sum",
        "--set", "config.temporal_strategy=last", "--set", "config.n_epochs=5"]
SHOP_METHODS = {
    "two towers": SHOP,
    "repeated links (ID-GNN)": [*SHOP, "--set", "task.type=repeated_link_prediction"],
    "fusion": [*SHOP, "--set", "config.link_fusion=true"],
}


def average_precision(ranked, targets):
    hits = total = 0
    for place, target in enumerate(ranked[:K], 1):
        if target in targets:
            hits += 1
            total += hits / place
    return total / min(len(targets), K)


def ranked(predictions):
    """{driver: circuits, the best first} of a table of predictions."""
    table = parquet.read_table(predictions)
    return {str(driver): circuits for driver, circuits in zip(table.column("driverId").to_pylist(), table.column("predicted_circuitId").to_pylist())}


class Facts:
    """What no model decides. until: the time of the test rows, one for all."""

    def __init__(self, folder, until):
        circuit_of = dict(zip(*(parquet.read_table(folder / "db/races.parquet").column(c).to_pylist() for c in ("raceId", "circuitId"))))
        self.past = {}  # of each driver, the circuits where he was before
        results = parquet.read_table(folder / "db/results.parquet")
        for driver, race, date in zip(*(results.column(c).to_pylist() for c in ("driverId", "raceId", "date"))):
            if date <= until:
                self.past.setdefault(driver, set()).add(circuit_of[race])
        self.circuits = sorted(parquet.read_table(folder / "db/circuits.parquet").column("circuitId").to_pylist())
        test = parquet.read_table(folder / f"tasks/{TASK}/test.parquet")
        self.wanted = {}
        for driver, circuit in zip(test.column("driverId").to_pylist(), test.column("circuitId").to_pylist()):
            self.wanted.setdefault(driver, set()).update(circuit if isinstance(circuit, list) else [circuit])
        self.wanted = {driver: targets for driver, targets in self.wanted.items() if targets}

    def map_of(self, list_of):
        """Percent; list_of(driver): circuits, the best first."""
        return 100 * sum(average_precision(list_of(driver), targets) for driver, targets in self.wanted.items()) / len(self.wanted)

    def map_filled(self, lists):
        """The same of lists that are filled up to K with the circuits of the lowest keys."""
        fill = lambda ranked: ranked + [c for c in self.circuits if c not in ranked]
        return self.map_of(lambda driver: fill(lists.get(str(driver), [])))


def percent(outcome, name, split):
    return 100 * split(outcome["fit"]["scores"], name)["metrics"][METRIC]


def baseline_rows(outcome, split, columns):
    """Rows of a table: each baseline's MAP on validation and test; columns: further cells of a row."""
    scores = {name: split(outcome["fit"]["scores"], name)["baselines"] for name in ("validation", "test")}
    of = lambda name, b: next((f"{100 * x['metrics'][METRIC]:.3f}" for x in scores[name] if (x["name"], x["labels"]) == (b["name"], b["labels"])), "-")
    return [f"| {b['name']}, {b['labels']} labels | {of('validation', b)} | {of('test', b)} |" + " - |" * columns for b in scores["test"]]


def make_shop(work):
    """The folder of a made-up shop, a hundredth of H&M's size."""
    folder = work / "shop"
    if not (folder / "purchases.yaml").exists():
        subprocess.run([sys.executable, "-m", "relationalai_gnns.retail", folder, "--scale", "0.01"], check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "python")})
    return folder


def shop_section(runs, spread, split):
    """runs: {method: outcomes} of purchases."""
    lines = ["| purchases, MAP@12 in percent | validation | test | epoch chosen |", "|---|---|---|---|"]
    for name, outcomes in runs.items():
        lines.append(f"| {name} | {spread([percent(o, 'validation', split) for o in outcomes])} | {spread([percent(o, 'test', split) for o in outcomes])} | {', '.join(str(o['fit']['best_epoch']) for o in outcomes)} |")
    lines += baseline_rows(next(iter(runs.values()))[0], split, 1)
    return """
Which articles a customer will buy within a week, on the made-up shop of `relationalai_gnns.retail` at scale 0.01 (preset `sdk`, 5 epochs, 64 channels, fanouts 32 and 8, newest first, sums); a
quarter of what is bought was bought before, and two hops are all that repeated links need: their subgraphs are bidirectional.

""" + "\n".join(lines) + "\n"


def section(runs, folder, until, spread, split):
    """runs: {method: outcomes}; folder: examples/f1."""
    known = Facts(folder, until)
    lines = [f"| {TASK}, MAP@{K} in percent | validation | test, frozen | test, frozen, lists filled up | epoch chosen | by seed, test / filled up |", "|---|---|---|---|---|---|"]
    for name, outcomes in runs.items():
        tested, filled = [percent(o, "test", split) for o in outcomes], [known.map_filled(o["ranked"]) for o in outcomes]
        lines.append(f"| {name} | {spread([percent(o, 'validation', split) for o in outcomes])} | {spread(tested)} | {spread(filled)} | {', '.join(str(o['fit']['best_epoch']) for o in outcomes)} | "
                     f"{', '.join(f'{a:.1f} / {b:.1f}' for a, b in zip(tested, filled))} |")
    lines += baseline_rows(next(iter(runs.values()))[0], split, 3)
    return f"""
## Links

Which circuits a driver will race at within a year ({len(known.wanted)} test rows with a target). Published for this task: two towers 9.7 with 2 layers and 16.6 to 20.7 otherwise, ID-GNN
62.3 with 2 layers and 76.2 with 4.

""" + "\n".join(lines) + f"""

- **frozen** as above. Lists are as long as they can be: repeated links rank the circuits of the driver's own sampled history and nothing else. {sum(driver not in known.past for driver in known.wanted)} of the
  {len(known.wanted)} drivers have none, so that no such list can reach more than {known.map_of(lambda driver: sorted(known.past.get(driver, set()) & known.wanted[driver])):.1f}, whatever the model.
- **lists filled up**: the published ID-GNN gives circuits outside of the subgraph the score 0 and fills its lists with them. This column does so with the lowest keys first, and is the one to
  compare with its figures. The filling helps: the ten circuits with the lowest keys, by themselves and for every driver, have {known.map_of(lambda _: known.circuits):.1f}, as low keys are circuits of recent seasons.
- Circuits are three hops from drivers (result or standing, race, circuit), and a fourth brings a circuit's own races: `fanouts` has four entries where layers are fewer.
- Fusion is `config.link_fusion: true` ([model.md](model.md)).
"""
