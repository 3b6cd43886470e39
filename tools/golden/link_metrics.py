"""Makes engine/task/testdata/link_metrics.json: random rankings and what relbench's link metrics say about them.

Run with numpy, scikit-learn and relbench==1.1.0 (pip install --no-deps):  python tools/golden/link_metrics.py
That is the last line of relbench with all three metrics; relbench 3.0.2 has the same map alone. A value that relbench leaves
undefined is null. Targets from UNKNOWN on are no nodes: they count among a row's targets, and nothing can rank them.
"""

import json
import pathlib
import warnings

import numpy as np
from relbench.metrics import link_prediction_map, link_prediction_precision, link_prediction_recall

warnings.filterwarnings("ignore")
OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "engine/task/testdata/link_metrics.json"
UNKNOWN = 1000


def case(rng, rows, nodes, k, most_targets, ranked_share=1.0, unknown=0.0, empty=0.0):
    """One evaluation: `rows` rows with up to `most_targets` targets among `nodes`, and up to k ranked nodes each."""
    targets, ranked = [], []
    for _ in range(rows):
        count = 0 if rng.random() < empty else int(rng.integers(1, most_targets + 1))
        own = rng.choice(nodes, min(count, nodes), replace=False)
        targets.append(sorted(int(t) + (UNKNOWN if rng.random() < unknown else 0) for t in own))
        ranked.append(rng.choice(nodes, min(k, nodes, int(np.ceil(k * ranked_share))), replace=False).tolist())
    padded = np.full((rows, k), -1)
    for row, list_ in zip(padded, ranked):
        row[: len(list_)] = list_
    isin = np.stack([np.isin(row, own) for row, own in zip(padded, targets)])
    counts = np.array([len(own) for own in targets])
    metrics = {
        "link_prediction_map": link_prediction_map(isin, counts),
        "link_prediction_precision": link_prediction_precision(isin, counts),
        "link_prediction_recall": link_prediction_recall(isin, counts),
    }
    values = {name: None if np.isnan(value) else float(value) for name, value in metrics.items()}
    return {"k": k, "targets": targets, "ranked": ranked, "metrics": values}


def cases():
    rng = np.random.default_rng(20261101)
    yield case(rng, 1, 2, 1, 1)
    yield case(rng, 4, 3, 12, 3)
    yield case(rng, 30, 5, 2, 5)
    yield case(rng, 60, 20, 10, 19)
    yield case(rng, 60, 20, 10, 3, empty=0.3)
    yield case(rng, 60, 20, 10, 3, ranked_share=0.4)
    yield case(rng, 80, 77, 10, 25, ranked_share=0.7, unknown=0.2, empty=0.1)
    yield case(rng, 40, 200, 12, 4)
    yield case(rng, 20, 9, 40, 9, unknown=0.5)
    yield case(rng, 6, 9, 3, 4, unknown=1.0)
    yield case(rng, 5, 9, 3, 4, empty=1.0)


def main():
    OUTPUT.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases()) + "\n]\n")


if __name__ == "__main__":
    main()
