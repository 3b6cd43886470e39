"""A dataset: tables that are linked, and the task. What can only be told of all of them together is checked here."""

from __future__ import annotations

import json
import warnings
from typing import Any, Iterable, Optional, Union

from . import _check as check
from ._spec import dataset_specification
from .connectors import Connector
from .diagram import DatasetDiagram, draw
from .errors import GNNWarning, NotFoundError, ValidationError
from .tables import ForeignKey, GNNTable, TableType
from .tasks import LinkTask, NodeTask


class TableNotFoundError(NotFoundError, ValidationError):
    """The dataset has no such table."""


class Dataset:
    """Tables and a task, ready for training.

    Attributes:
        connector, dataset_name, tables, task_description: as given.
        experiment_name: "DATASET/TASK_TYPE/TASK".
    """

    def __init__(
        self, connector: Connector, dataset_name: str, tables: Iterable[GNNTable], task_description: Union[NodeTask, LinkTask]
    ) -> None:
        """
        Args:
            connector: as of the tables and the task.
            dataset_name: a name without "/".
            tables: all that the model may see.
            task_description: what to predict.

        Raises:
            ValidationError: a table has no key, a name is taken twice, a key has no counterpart, times don't fit.
            TableNotFoundError: a key or the task names a table that is not among `tables`.
        """
        self.connector = check.instance("connector", connector, Connector)
        self.dataset_name = check.name_without("dataset_name", dataset_name, "/")
        self.tables = _tables(tables)
        if not isinstance(task_description, (NodeTask, LinkTask)):
            check.refuse("task_description", task_description, "a NodeTask or a LinkTask")
        self.task_description = task_description
        self._by_name = {t.name: t for t in self.tables}
        self.validate()

    @property
    def experiment_name(self) -> str:
        """What identifies the dataset and its task: "DATASET/TASK_TYPE/TASK"."""
        return f"{self.dataset_name}/{self.task_description.task_type.value}/{self.task_description.name}"

    @property
    def metadata_dict(self) -> dict[str, Any]:
        """Tables and task in the form of docs/spec.md."""
        return dataset_specification(self)

    # -- checks -----------------------------------------------------------------------------------------------------------

    def validate(self) -> None:
        """Checks tables and task again, as they are now; Trainer does before each job.

        Raises:
            ValidationError, TableNotFoundError: as on construction.
        """
        for table in self.tables:
            table.validate_table()
            for key in table.foreign_keys:
                self._check_link(table, key)
        self._check_task()
        self._check_times()
        self._warn_of_islands()

    def table(self, argument: str, name: str) -> GNNTable:
        """The table of that name.

        Args:
            argument: for the message.
            name: of the table.

        Raises:
            TableNotFoundError: there is none; the text has the nearest name.
        """
        if name not in self._by_name:
            raise TableNotFoundError(
                f'{argument}: the dataset "{self.dataset_name}" has no table "{name}".{check.nearest(name, self._by_name)} Tables: {check.listed(self._by_name)}',
                field=argument,
            )
        return self._by_name[name]

    def _check_link(self, table: GNNTable, key: ForeignKey) -> None:
        where = f'foreign key "{key.column_name}" of table "{table.name}" to {key.link_to}'
        target = self.table(where, key.table)
        if key.column not in target.keys():
            near = check.nearest(key.column, target.keys())
            raise ValidationError(
                f'{where}: "{key.column}" is no primary or candidate key of "{target.name}".{near} Its keys: {check.listed(target.keys())}',
                field="foreign_keys",
            )

    def entity(self, which: str, table: str, column: str, key: Optional[str]) -> str:
        """ "TABLE.KEY" of an entity of the task: the key that was named, else the key of the column's name, else the primary key.

        Args:
            which: the argument, for the message.
            table: the entity table.
            column: of the label tables.
            key: named by a ForeignKey, or None.

        Raises:
            TableNotFoundError, ValidationError: there is no such table or key.
        """
        entity = self.table(which, table)
        if entity.type is TableType.EDGE:
            raise ValidationError(f'{which}: rows of "{table}" are edges, no nodes: nothing can be predicted for them', field=which)
        found = key if key is not None else column if column in entity.keys() else entity.primary_key
        if found is None or found not in entity.keys():
            near = check.nearest(found, entity.keys()) if found is not None else ""
            raise ValidationError(
                f'{which}: "{found or column}" is no primary or candidate key of table "{table}".{near} Its keys: {check.listed(entity.keys())}',
                field=which,
            )
        return f"{table}.{found}"

    def target_entity(self, table: str, column: Optional[str], key: Optional[str]) -> str:
        """ "TABLE.KEY" of what a link task predicts, as entity() finds it.

        Args:
            table: the target table.
            column: of the label tables; None: the primary key.
            key: named by a ForeignKey, or None.

        Raises:
            TableNotFoundError, ValidationError: there is no such table or key.
        """
        return self.entity("target_entity_table", table, column or "", key)

    def _check_task(self) -> None:
        task = self.task_description
        if isinstance(task, NodeTask):
            self.entity("source_entity_table", task.entity_table, task.entity_column, task.entity_key)
            return
        self.entity("source_entity_table", task.source_table, task.source_column, task.source_key)
        if task.target_table is not None:
            self.target_entity(task.target_table, task.target_column, task.target_key)

    def _check_times(self) -> None:
        timed = [t.name for t in self.tables if t.time_column is not None]
        task = self.task_description
        if task.time_column is not None and not timed:
            raise ValidationError(
                f'time_column: task "{task.name}" has the time column "{task.time_column}", but no table has one', field="time_column"
            )
        if task.time_column is None and not task.current_time:
            raise ValidationError(f'current_time: False goes with a time column, and task "{task.name}" has none', field="current_time")
        if task.time_column is None and timed:
            raise ValidationError(
                f'time_column: tables {check.listed(timed)} have a time column, so task "{task.name}" needs one too: the time of each prediction',
                field="time_column",
            )

    def _warn_of_islands(self) -> None:
        """Warns of tables that no path of keys joins with the rest."""
        reached: set[str] = set()
        task = self.task_description
        border = [task.entity_table] if isinstance(task, NodeTask) else [t for t in (task.source_table, task.target_table) if t is not None]
        neighbours: dict[str, set[str]] = {t.name: set() for t in self.tables}
        for table in self.tables:
            for key in table.foreign_keys:
                neighbours[table.name].add(key.table)
                neighbours[key.table].add(table.name)
        while border:
            name = border.pop()
            if name not in reached:
                reached.add(name)
                border.extend(neighbours[name])
        islands = [t.name for t in self.tables if t.name not in reached]
        if islands:
            warnings.warn(
                f'dataset "{self.dataset_name}": no keys join {check.listed(islands)} with the tables of the task: nothing is learnt from it',
                GNNWarning,
                stacklevel=4,
            )

    # -- showing ----------------------------------------------------------------------------------------------------------

    def visualize_dataset(self, show_dtypes: bool = False) -> DatasetDiagram:
        """A picture of tables, keys and task.

        Args:
            show_dtypes: each column's dtype beside its name.

        Returns:
            A DatasetDiagram: shown by notebooks as it is; create_png(), save(path), source (Graphviz), mermaid.
        """
        return draw(self.tables, self.task_description, check.boolean("show_dtypes", show_dtypes))

    def print_data_config(self) -> None:
        """Prints tables and task in the form of docs/spec.md (JSON)."""
        print(json.dumps(self.metadata_dict, indent=2, ensure_ascii=False))

    def __repr__(self) -> str:
        return f'Dataset("{self.experiment_name}", tables={[t.name for t in self.tables]})'


def _tables(given: Any) -> list[GNNTable]:
    if isinstance(given, (str, GNNTable)) or not isinstance(given, Iterable):
        check.refuse("tables", given, "a list of GNNTable")
    tables = [check.instance(f"tables[{i}]", t, GNNTable) for i, t in enumerate(given)]
    if not tables:
        check.refuse("tables", given, "at least one GNNTable")
    names = [t.name for t in tables]
    for name in names:
        if names.count(name) > 1:
            raise ValidationError(f'tables: {names.count(name)} tables are named "{name}"', field="tables")
    return tables
