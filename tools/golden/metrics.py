"""Makes engine/task/testdata/metrics.json: random predictions and what scikit-learn's metrics say about them.

Run with numpy and scikit-learn==1.9.1:  python tools/golden/metrics.py
Scores are multiples of 1/8 or 1/16 in most cases, so that ties are common and the file is short. A value that
scikit-learn leaves undefined is null.
"""

import json
import pathlib
import warnings

import numpy as np
from sklearn import metrics as sk

warnings.filterwarnings("ignore")
OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "engine/task/testdata/metrics.json"


def grid(rng, shape, steps):
    """Scores on a grid of `steps` + 1 values; without steps, six digits."""
    if steps:
        return rng.integers(0, steps + 1, shape) / steps
    return np.round(rng.random(shape), 6)


def binary(rng, rows, steps, share):
    truth = (rng.random(rows) < share).astype(int)
    score = grid(rng, rows, steps)
    decided = (score >= 0.5).astype(int)
    return {
        "type": "binary_classification",
        "outputs": 1,
        "score": score.tolist(),
        "value": truth.tolist(),
        "metrics": {
            "roc_auc": sk.roc_auc_score(truth, score),
            "average_precision": sk.average_precision_score(truth, score),
            "accuracy": sk.accuracy_score(truth, decided),
            "f1": sk.f1_score(truth, decided, zero_division=0),
            "precision": sk.precision_score(truth, decided, zero_division=0),
            "recall": sk.recall_score(truth, decided, zero_division=0),
        },
    }


def multiclass(rng, rows, classes, steps, present):
    truth = rng.integers(0, present, rows)
    score = grid(rng, (rows, classes), steps)
    decided = score.argmax(axis=1)
    return {
        "type": "multiclass_classification",
        "outputs": classes,
        "score": score.ravel().tolist(),
        "class_id": truth.tolist(),
        "metrics": {
            "macro_f1": sk.f1_score(truth, decided, average="macro", zero_division=0),
            "micro_f1": sk.f1_score(truth, decided, average="micro", zero_division=0),
            "accuracy": sk.accuracy_score(truth, decided),
        },
    }


def multilabel(rng, rows, classes, steps, share):
    truth = (rng.random((rows, classes)) < share).astype(int)
    score = grid(rng, (rows, classes), steps)
    decided = (score >= 0.5).astype(int)
    values = {}
    for average in ("macro", "micro"):
        values[f"multilabel_auroc_{average}"] = sk.roc_auc_score(truth, score, average=average)
        values[f"multilabel_auprc_{average}"] = sk.average_precision_score(truth, score, average=average)
        values[f"multilabel_precision_{average}"] = sk.precision_score(
            truth, decided, average=average, zero_division=0
        )
    return {
        "type": "multilabel_classification",
        "outputs": classes,
        "score": score.ravel().tolist(),
        "labels": [np.flatnonzero(row).tolist() for row in truth],
        "metrics": values,
    }


def regression(truth, score):
    truth, score = np.asarray(truth, float), np.asarray(score, float)
    return {
        "type": "regression",
        "outputs": 1,
        "score": score.tolist(),
        "value": truth.tolist(),
        "metrics": {
            "rmse": sk.root_mean_squared_error(truth, score),
            "mae": sk.mean_absolute_error(truth, score),
            "r2": sk.r2_score(truth, score),
            "mape": sk.mean_absolute_percentage_error(truth, score),
        },
    }


def cases():
    rng = np.random.default_rng(20240601)
    for rows, steps, share in (
        (1, 8, 0.5), (2, 2, 0.5), (3, 1, 0.5), (5, 4, 0.4), (40, 1, 0.3), (60, 8, 0.5), (200, 16, 0.1),
        (200, 0, 0.5), (300, 32, 0.02), (30, 8, 0.0), (30, 8, 1.0), (7, 0, 0.5),
    ):
        yield binary(rng, rows, steps, share)
    for rows, classes, steps, present in (
        (1, 3, 8, 3), (4, 2, 2, 2), (60, 3, 8, 3), (80, 5, 4, 3), (20, 4, 0, 1), (100, 6, 0, 6),
    ):
        yield multiclass(rng, rows, classes, steps, present)
    for rows, classes, steps, share in (
        (6, 2, 4, 0.5), (60, 3, 8, 0.4), (80, 5, 16, 0.2), (50, 4, 0, 0.5), (20, 4, 8, 0.06), (12, 3, 8, 0.0), (10, 3, 4, 1.0),
    ):
        yield multilabel(rng, rows, classes, steps, share)
    yield regression([2.0], [1.5])
    yield regression([1.0, 3.0], [1.0, 3.0])
    yield regression([4.0, 4.0, 4.0], [4.0, 4.0, 4.0])
    yield regression([4.0, 4.0, 4.0], [4.0, 5.0, 4.0])
    yield regression([0.0, 0.0, 2.0, -1.0], [0.0, 1e-3, 2.5, 1.0])
    truth = np.round(rng.normal(10, 3, 150), 3)
    yield regression(truth, np.round(truth + rng.normal(0, 2, 150), 3))
    yield regression(np.round(rng.normal(0, 1e4, 60), 1), np.round(rng.normal(0, 1e4, 60), 1))


def main():
    lines = []
    for case in cases():
        case["metrics"] = {k: (None if np.isnan(v) else float(v)) for k, v in case["metrics"].items()}
        lines.append(json.dumps(case, separators=(",", ":")))
    OUTPUT.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
