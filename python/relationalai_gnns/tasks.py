"""Tasks: what to predict for which rows, and from which label tables to learn it.

Two forms are taken. With names: source_entity_column, source_entity_table, target_column. With a ForeignKey: for a node
task target_entity_column and label_column, for a link task source_entity_column and target_entity_column.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Union

from . import _check as check
from .columns import ColumnDType, ColumnTable, describe
from .connectors import Connector
from .errors import ValidationError
from .metrics import EvaluationMetric, TaskType, default_metric
from .tables import ForeignKey

SPLITS = ("train", "validation", "test")


class Task(ColumnTable):
    """What node and link tasks share: label tables, their time column, the metric.

    Attributes:
        task_type: what is predicted.
        task_data_source: label tables by split, as given.
        sources: the same, as the host is told them.
        evaluation_metric: what validation is judged by.
        current_time: rows at exactly the time of the prediction are visible.
    """

    _kind = "task"

    def __init__(
        self,
        connector: Connector,
        name: str,
        task_data_source: Mapping[str, Optional[str]],
        task_type: Union[TaskType, str],
        time_column: Optional[str],
        evaluation_metric: Optional[EvaluationMetric],
        current_time: bool,
        column_dtypes: Optional[Mapping[str, Union[str, ColumnDType]]],
    ) -> None:
        """connector, name, task_data_source, task_type, time_column, evaluation_metric, current_time, column_dtypes: as of NodeTask and LinkTask."""
        check.instance("connector", connector, Connector)
        check.name_without("name", name, "/")
        self.task_type = (
            task_type if isinstance(task_type, TaskType) else TaskType(check.one_of("task_type", task_type, [t.value for t in TaskType]))
        )
        self._current_time = check.boolean("current_time", current_time)
        self.task_data_source = _splits(task_data_source)
        self.sources = {split: connector.resolve(f"task_data_source[{split!r}]", source) for split, source in self.task_data_source.items()}
        self.evaluation_metric = default_metric(self.task_type)
        if evaluation_metric is not None:
            self.evaluation_metric = check.instance("evaluation_metric", evaluation_metric, EvaluationMetric).for_task(
                self.task_type, k_required=True
            )
        first = next(iter(self.sources))
        super().__init__(connector, name, self.task_data_source[first], self.sources[first], time_column, column_dtypes)

    @property
    def current_time(self) -> bool:
        """Rows at exactly the time of the prediction are visible; set when the task is made."""
        return self._current_time

    def set_evaluation_metric(self, evaluation_metric: EvaluationMetric) -> None:
        """Names the metric that validation is judged by. A link metric without eval_at_k takes 12.

        Raises:
            ValidationError: it does not judge this type of task.
        """
        self.evaluation_metric = check.instance("evaluation_metric", evaluation_metric, EvaluationMetric).for_task(
            self.task_type, k_required=False
        )

    def validate_for_training(self) -> None:
        """Raises ValidationError unless there are label tables to train and to validate with."""
        missing = [s for s in ("train", "validation") if s not in self.sources]
        if missing:
            raise ValidationError(
                f'task "{self.name}": training needs task_data_source["train"] and ["validation"]; {check.listed(missing)} is missing',
                field="task_data_source",
            )

    def validate_for_inference(self) -> None:
        """Raises ValidationError unless there is a table to predict for."""
        if "test" not in self.sources:
            raise ValidationError(
                f'task "{self.name}": a prediction needs task_data_source["test"], the table to predict for', field="task_data_source"
            )

    def show_task(self) -> None:
        """Prints the task, its label tables and their columns."""
        metric = self.evaluation_metric.name + (
            f" at {self.evaluation_metric.eval_at_k}" if self.evaluation_metric.eval_at_k is not None else ""
        )
        title = [f"{self.name}: {self.task_type.value}, judged by {metric}"]
        title += [f"  {split}: {source}" for split, source in self.task_data_source.items()]
        roles = self._roles()
        if self.time_column is not None:
            roles[self.time_column] = f"time column (rows {'up to and at' if self.current_time else 'before'} this time are visible)"
        self._show(title, roles)

    def _roles(self) -> dict[str, str]:
        raise NotImplementedError

    def remove_column(self, col_name: str) -> None:
        """Takes a column out of the task; not the entity's, and not the target.

        Raises:
            ColumnNotFoundError: there is no such column, or it was removed.
            ValidationError: the task is made of it.
        """
        if col_name in self._roles():
            raise ValidationError(
                f'col_name: "{col_name}" is the {self._roles()[col_name]} of task "{self.name}" and stays', field="col_name"
            )
        super().remove_column(col_name)

    def _check_validation_columns(self, needed: Mapping[str, str]) -> None:
        """That the validation table has what was found in the train table."""
        if "validation" not in self.sources:
            return
        columns, _ = describe(self.connector, "task_data_source['validation']", self.sources["validation"])
        names = [c.name for c in columns]
        for argument, column in needed.items():
            if column not in names:
                raise ValidationError(
                    f'{argument}: "{column}" is in the train table of task "{self.name}" but not in its validation table ({check.listed(names)})',
                    field=argument,
                )

    def _needs_labels(self) -> bool:
        return "train" in self.sources or "validation" in self.sources


class NodeTask(Task):
    """Predicts a label, several labels or a number for rows of one table.

    Attributes:
        entity_table: the table whose rows are predicted for.
        entity_column: the column of the label tables that names the row.
        entity_key: the key of the entity table that it is compared with; None: found by Dataset.
        label_column: what is learnt; None: prediction only.
    """

    def __init__(
        self,
        connector: Connector,
        name: str,
        task_data_source: Mapping[str, Optional[str]],
        target_entity_column: Optional[ForeignKey] = None,
        task_type: Union[TaskType, str] = TaskType.BINARY_CLASSIFICATION,
        label_column: Optional[str] = None,
        time_column: Optional[str] = None,
        evaluation_metric: Optional[EvaluationMetric] = None,
        current_time: bool = True,
        column_dtypes: Optional[Mapping[str, Union[str, ColumnDType]]] = None,
        *,
        source_entity_column: Optional[str] = None,
        source_entity_table: Optional[str] = None,
        target_column: Optional[str] = None,
    ) -> None:
        """
        Args:
            connector: reads the label tables.
            name: of the task, without "/".
            task_data_source: sources of the label tables by split: "train", "validation", "test".
            target_entity_column: ForeignKey(column of the label tables, "TABLE.KEY"), instead of the two source_entity_ arguments.
            task_type: binary, multiclass or multilabel classification, or regression.
            label_column: as target_column.
            time_column: the time of each prediction, in the label tables.
            evaluation_metric: what validation is judged by; None: the default of the type.
            current_time: True: rows at exactly that time are visible; False: only earlier ones.
            column_dtypes: dtypes of the label tables' columns, instead of the inferred ones; they are checked, not encoded.
            source_entity_column: the column of the label tables that names the row.
            source_entity_table: the table whose rows are predicted for.
            target_column: what is learnt. Where there is only a test table, that need not have it.

        Raises:
            ValidationError: an argument is not as it must be, or a source can't be read.
            ColumnNotFoundError: the label tables have no such column.
        """
        super().__init__(connector, name, task_data_source, task_type, time_column, evaluation_metric, current_time, column_dtypes)
        if self.task_type.is_link:
            raise ValidationError(f'task_type: "{self.task_type.value}" is a LinkTask, not a NodeTask', field="task_type")
        self.entity_column, self.entity_table, self.entity_key = _entity(
            "target_entity_column", target_entity_column, source_entity_column, source_entity_table
        )
        self._used("source_entity_column" if target_entity_column is None else "target_entity_column", self.entity_column)
        if label_column is not None and target_column is not None and label_column != target_column:
            raise ValidationError(
                f'label_column: "{label_column}" and target_column "{target_column}" are one argument under two names', field="label_column"
            )
        self.label_column = target_column if target_column is not None else label_column
        if self.label_column is not None:
            if self._needs_labels():  # a table to predict for need not have it
                self._used("target_column" if target_column is not None else "label_column", self.label_column)
        elif self._needs_labels():
            raise ValidationError(
                f'target_column: task "{name}" has a train or validation table, so it needs the column that is learnt',
                field="target_column",
            )
        needed = {"source_entity_column": self.entity_column}
        if self.label_column is not None:
            needed["target_column"] = self.label_column
        if self.time_column is not None:
            needed["time_column"] = self.time_column
        self._check_validation_columns(needed)

    @property
    def target_column(self) -> Optional[str]:
        """What is learnt."""
        return self.label_column

    def _roles(self) -> dict[str, str]:
        roles = {self.entity_column: f"entity ({self.entity_table})"}
        if self.label_column is not None:
            roles[self.label_column] = "target"
        return roles


class LinkTask(Task):
    """Predicts, for rows of one table, which rows of another they link to. The two may be the same table.

    Attributes:
        source_table, source_column, source_key: for whom; the key is None where Dataset finds it.
        target_table, target_column, target_key: what.
    """

    def __init__(
        self,
        connector: Connector,
        name: str,
        task_data_source: Mapping[str, Optional[str]],
        source_entity_column: Union[ForeignKey, str],
        task_type: Union[TaskType, str] = TaskType.LINK_PREDICTION,
        target_entity_column: Union[ForeignKey, str, None] = None,
        time_column: Optional[str] = None,
        evaluation_metric: Optional[EvaluationMetric] = None,
        current_time: bool = True,
        column_dtypes: Optional[Mapping[str, Union[str, ColumnDType]]] = None,
        *,
        source_entity_table: Optional[str] = None,
        target_entity_table: Optional[str] = None,
    ) -> None:
        """
        Args:
            connector: reads the label tables.
            name: of the task, without "/".
            task_data_source: sources of the label tables by split: "train", "validation", "test".
            source_entity_column: the column that names for whom, or a ForeignKey(column, "TABLE.KEY").
            task_type: link_prediction or repeated_link_prediction.
            target_entity_column: the column that names what, or a ForeignKey: a list a row, or one a row, where rows of the same source and
                time are one. It may be left out where there is only a test table, which then need not name targets.
            time_column: the time of each prediction, in the label tables.
            evaluation_metric: what validation is judged by; None: link_prediction_map at 12.
            current_time: True: rows at exactly that time are visible; False: only earlier ones.
            column_dtypes: dtypes of the label tables' columns; they are checked, not encoded.
            source_entity_table: for whom; not with a ForeignKey.
            target_entity_table: what; not with a ForeignKey.

        Raises:
            ValidationError: an argument is not as it must be, or a source can't be read.
            ColumnNotFoundError: the label tables have no such column.
        """
        super().__init__(connector, name, task_data_source, task_type, time_column, evaluation_metric, current_time, column_dtypes)
        if not self.task_type.is_link:
            raise ValidationError(f'task_type: "{self.task_type.value}" is a NodeTask, not a LinkTask', field="task_type")
        self.source_column, self.source_table, self.source_key = _end("source_entity", source_entity_column, source_entity_table)
        self._used("source_entity_column", self.source_column)
        self.target_column: Optional[str] = None
        self.target_table: Optional[str] = (
            None if target_entity_table is None else check.name_without("target_entity_table", target_entity_table, "./")
        )
        self.target_key: Optional[str] = None
        if target_entity_column is not None:
            self.target_column, self.target_table, self.target_key = _end("target_entity", target_entity_column, target_entity_table)
            if self._needs_labels():  # a table to predict for need not have it
                self._used("target_entity_column", self.target_column)
            if self.target_column == self.source_column:
                raise ValidationError(
                    f'target_entity_column: "{self.target_column}" is source_entity_column already', field="target_entity_column"
                )
        elif self._needs_labels():
            raise ValidationError(
                f'target_entity_column: task "{name}" has a train or validation table, so it needs the column that is learnt',
                field="target_entity_column",
            )
        needed = {"source_entity_column": self.source_column}
        if self.target_column is not None:
            needed["target_entity_column"] = self.target_column
        if self.time_column is not None:
            needed["time_column"] = self.time_column
        self._check_validation_columns(needed)

    def _roles(self) -> dict[str, str]:
        roles = {self.source_column: f"source entity ({self.source_table})"}
        if self.target_column is not None:
            roles[self.target_column] = f"target entity ({self.target_table})"
        return roles


def _splits(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping):
        check.refuse("task_data_source", given, 'a dict from "train", "validation", "test" to sources')
    for split in given:
        check.one_of("task_data_source", split, SPLITS)
    splits: dict[str, str] = {split: given[split] for split in SPLITS if given.get(split) is not None}
    if not splits:
        raise ValidationError(
            'task_data_source: at least one of "train" and "validation", or "test", must name a table', field="task_data_source"
        )
    return splits


def _entity(argument: str, key: Optional[ForeignKey], column: Optional[str], table: Optional[str]) -> tuple[str, str, Optional[str]]:
    """(column of the label tables, entity table, its key or None) from either form."""
    if key is not None:
        if column is not None or table is not None:
            raise ValidationError(
                f"{argument}: give either a ForeignKey, or source_entity_column and source_entity_table, not both", field=argument
            )
        if not isinstance(key, ForeignKey):
            check.refuse(argument, key, 'a ForeignKey, such as ForeignKey("studentId", "Students.studentId")')
        return key.column_name, key.table, key.column
    for name, value in (("source_entity_column", column), ("source_entity_table", table)):
        if value is None:
            raise ValidationError(f"{name}: is missing; or give target_entity_column=ForeignKey(...)", field=name)
    return check.text("source_entity_column", column), check.name_without("source_entity_table", table, "./"), None


def _end(which: str, column: Union[ForeignKey, str], table: Optional[str]) -> tuple[str, str, Optional[str]]:
    """The same for one end of a link."""
    if isinstance(column, ForeignKey):
        if table is not None:
            raise ValidationError(f"{which}_table: a ForeignKey in {which}_column names the table already", field=f"{which}_table")
        return column.column_name, column.table, column.column
    if table is None:
        raise ValidationError(f"{which}_table: is missing; or give {which}_column=ForeignKey(...)", field=f"{which}_table")
    return check.text(f"{which}_column", column), check.name_without(f"{which}_table", table, "./"), None
