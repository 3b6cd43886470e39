"""Objects of this package as the specification of a job (docs/spec.md).

Only what the user set is written: dtypes that were declared, parameters that differ from their default. The rest is the
engine's to infer, so that the same job written by hand gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from .tables import GNNTable, TableType
from .tasks import LinkTask

if TYPE_CHECKING:
    from .config import TrainerConfig
    from .dataset import Dataset


def table_specification(table: GNNTable) -> dict[str, Any]:
    """One entry of `tables`."""
    out: dict[str, Any] = {"source": table.resolved_source}
    if table.type is TableType.EDGE:
        out["type"] = "edge"
    candidates = list(table.candidate_keys)
    primary = table.primary_key
    if primary is None and not table.foreign_keys:  # a table whose only keys are candidate keys: the first that is no feature
        plain = next((k for k in candidates if not k.is_feature), None)
        if plain is not None:
            primary = plain.column_name
            candidates.remove(plain)
    if primary is not None:
        out["primary_key"] = primary
    if candidates:
        out["candidate_keys"] = [{"column": k.column_name, "is_feature": True} if k.is_feature else k.column_name for k in candidates]
    if table.foreign_keys:
        out["foreign_keys"] = {
            k.column_name: {"link_to": k.link_to, "is_feature": True} if k.is_feature else k.link_to for k in table.foreign_keys
        }
    if table.time_column is not None:
        out["time_column"] = table.time_column
    features = _feature_keys(table)
    dtypes = {
        c.name: c.declared.value for c in table.columns if c.declared is not None and (c.name not in _keys(table) or c.name in features)
    }
    if dtypes and table.type is not TableType.EDGE:
        out["columns"] = dtypes
    if table.removed_columns:
        out["exclude"] = table.removed_columns
    return out


def _keys(table: GNNTable) -> set[str]:
    return {*table.keys(), *(k.column_name for k in table.foreign_keys)}


def _feature_keys(table: GNNTable) -> set[str]:
    return {k.column_name for k in table.candidate_keys if k.is_feature} | {k.column_name for k in table.foreign_keys if k.is_feature}


def task_specification(dataset: "Dataset") -> dict[str, Any]:
    """The entry `task`. What a task that only predicts leaves open is absent: it is the model's."""
    task = dataset.task_description
    out: dict[str, Any] = {"name": task.name, "type": task.task_type.value}
    if isinstance(task, LinkTask):
        out["entity"] = dataset.entity("source_entity_table", task.source_table, task.source_column, task.source_key)
        out["entity_column"] = task.source_column
        if task.target_table is not None:
            out["target_entity"] = dataset.target_entity(task.target_table, task.target_column, task.target_key)
        if task.target_column is not None:
            out["target"] = task.target_column
        out["eval_at_k"] = task.evaluation_metric.eval_at_k
    else:
        out["entity"] = dataset.entity("source_entity_table", task.entity_table, task.entity_column, task.entity_key)
        out["entity_column"] = task.entity_column
        if task.label_column is not None:
            out["target"] = task.label_column
    if task.time_column is not None:
        out["time_column"] = task.time_column
        if not task.current_time:
            out["current_time"] = False
    out["metric"] = task.evaluation_metric.name
    out.update(task.sources)
    return out


def dataset_specification(dataset: "Dataset") -> dict[str, Any]:
    """A specification without `config`."""
    return {
        "dataset": dataset.dataset_name,
        "tables": {t.name: table_specification(t) for t in dataset.tables},
        "task": task_specification(dataset),
    }


def job_specification(
    dataset: "Dataset", config: "TrainerConfig", splits: tuple[str, ...], test_table: Optional[str] = None
) -> dict[str, Any]:
    """The specification of a job that reads these splits.

    Args:
        dataset: tables and task.
        config: how to train.
        splits: of "train", "validation", "test"; others are left out.
        test_table: a resolved source instead of the task's test table.
    """
    out = dataset_specification(dataset)
    if test_table is not None:
        out["task"]["test"] = test_table
    for split in ("train", "validation", "test"):
        if split not in splits:
            out["task"].pop(split, None)
    config_out = config.engine_config(dataset.task_description.task_type)
    if config_out:
        out["config"] = config_out
    return out
