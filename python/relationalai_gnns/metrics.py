"""What validation is judged by, by type of task."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Mapping, Optional

from . import _check as check
from .errors import ValidationError


class TaskType(str, Enum):
    """What is predicted."""

    BINARY_CLASSIFICATION = "binary_classification"
    MULTICLASS_CLASSIFICATION = "multiclass_classification"
    MULTILABEL_CLASSIFICATION = "multilabel_classification"
    REGRESSION = "regression"
    LINK_PREDICTION = "link_prediction"
    REPEATED_LINK_PREDICTION = "repeated_link_prediction"

    @property
    def is_link(self) -> bool:
        """Whether pairs of rows are predicted."""
        return self in (TaskType.LINK_PREDICTION, TaskType.REPEATED_LINK_PREDICTION)


_LINK = ("link_prediction_map", "link_prediction_precision", "link_prediction_recall")
DEFAULT_K = 12

# The first of each is the default.
METRICS: Mapping[TaskType, tuple[str, ...]] = {
    TaskType.BINARY_CLASSIFICATION: ("roc_auc", "average_precision", "accuracy", "f1", "precision", "recall"),
    TaskType.MULTICLASS_CLASSIFICATION: ("macro_f1", "micro_f1", "accuracy"),
    TaskType.MULTILABEL_CLASSIFICATION: tuple(f"multilabel_{m}_{a}" for a in ("macro", "micro") for m in ("auroc", "auprc", "precision")),
    TaskType.REGRESSION: ("rmse", "mae", "r2", "mape"),
    TaskType.LINK_PREDICTION: _LINK,
    TaskType.REPEATED_LINK_PREDICTION: _LINK,
}


@dataclass(frozen=True)
class EvaluationMetric:
    """A metric.

    Attributes:
        name: "roc_auc", "mae", "link_prediction_map", ...; METRICS has them by type of task.
        eval_at_k: how many links are predicted for a row and judged, 1 to 1000; for link metrics, which need it.
    """

    name: str
    eval_at_k: Optional[int] = None

    def __post_init__(self) -> None:
        known = sorted({m for metrics in METRICS.values() for m in metrics})
        check.one_of("name", self.name, known)
        if self.eval_at_k is not None:
            object.__setattr__(self, "eval_at_k", check.integer("eval_at_k", self.eval_at_k, 1, 1000))
            if self.name not in _LINK:
                raise ValidationError(f'eval_at_k: only link metrics have it, not "{self.name}"', field="eval_at_k")

    def for_task(self, task_type: TaskType, *, k_required: bool) -> "EvaluationMetric":
        """This metric, checked for a type of task.

        Args:
            task_type: that it is to judge.
            k_required: a link metric without eval_at_k is refused; else it takes DEFAULT_K.

        Raises:
            ValidationError: it does not judge such tasks, or eval_at_k is missing.
        """
        if self.name not in METRICS[task_type]:
            raise ValidationError(
                f'evaluation_metric: "{self.name}" does not judge {task_type.value}; these do: {check.listed(METRICS[task_type])}',
                field="evaluation_metric",
            )
        if task_type.is_link and self.eval_at_k is None:
            if k_required:
                raise ValidationError(
                    f'evaluation_metric: "{self.name}" needs eval_at_k, such as EvaluationMetric(name="{self.name}", eval_at_k={DEFAULT_K})',
                    field="evaluation_metric",
                )
            return EvaluationMetric(self.name, DEFAULT_K)
        return self


def default_metric(task_type: TaskType) -> EvaluationMetric:
    """The metric of a task that names none."""
    return EvaluationMetric(METRICS[task_type][0], DEFAULT_K if task_type.is_link else None)
