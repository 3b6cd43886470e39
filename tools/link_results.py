"""The section on links of docs/results.md: driver-circuit-compete by two towers, by repeated links and by their fusion."""
import pyarrow.parquet as parquet

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


def section(runs, folder, until, spread, split):
    """runs: {method: outcomes}; folder: examples/f1."""
    known = Facts(folder, until)
    lines = [f"| {TASK}, MAP@{K} in percent | validation | test, frozen | test, frozen, lists filled up | epoch chosen | by seed, test / filled up |", "|---|---|---|---|---|---|"]
    percent = lambda outcome, name: 100 * split(outcome["fit"]["scores"], name)["metrics"][METRIC]
    for name, outcomes in runs.items():
        tested, filled = [percent(o, "test") for o in outcomes], [known.map_filled(o["ranked"]) for o in outcomes]
        lines.append(f"| {name} | {spread([percent(o, 'validation') for o in outcomes])} | {spread(tested)} | {spread(filled)} | {', '.join(str(o['fit']['best_epoch']) for o in outcomes)} | "
                     f"{', '.join(f'{a:.1f} / {b:.1f}' for a, b in zip(tested, filled))} |")
    score = split(next(iter(runs.values()))[0]["fit"]["scores"], "test")
    validation = split(next(iter(runs.values()))[0]["fit"]["scores"], "validation")
    of = lambda scores, b: next((100 * x["metrics"][METRIC] for x in scores["baselines"] if (x["name"], x["labels"]) == (b["name"], b["labels"])), None)
    for baseline in score["baselines"]:
        before = of(validation, baseline)
        lines.append(f"| {baseline['name']}, {baseline['labels']} labels | {'-' if before is None else f'{before:.3f}'} | {100 * baseline['metrics'][METRIC]:.3f} | - | - | - |")
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
