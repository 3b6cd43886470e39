"""Tables of the graph: their keys, and how they are linked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Iterable, Mapping, Optional, Union

from . import _check as check
from .columns import KEY_DTYPES, ColumnDType, ColumnTable
from .connectors import Connector
from .errors import GNNWarning, ValidationError


class TableType(str, Enum):
    """node: a row is a node. edge: a row is an edge between the two rows that its foreign keys name."""

    NODE = "node"
    EDGE = "edge"


@dataclass(frozen=True)
class ForeignKey:
    """A column whose values name rows of another table.

    Attributes:
        column_name: in the table that has the key.
        link_to: "TABLE.COLUMN", a primary or candidate key.
        is_feature: the values are a feature as well.
    """

    column_name: str
    link_to: str
    is_feature: bool = False

    def __post_init__(self) -> None:
        check.text("column_name", self.column_name)
        table, dot, column = check.text("link_to", self.link_to, longest=401).partition(".")
        if not (table and dot and column):
            check.refuse("link_to", self.link_to, 'TABLE.COLUMN, such as "Students.studentId"')
        object.__setattr__(self, "is_feature", check.boolean("is_feature", self.is_feature))

    @property
    def table(self) -> str:
        """The table that it points to."""
        return self.link_to.partition(".")[0]

    @property
    def column(self) -> str:
        """The column that it points to."""
        return self.link_to.partition(".")[2]


@dataclass(frozen=True)
class CandidateKey:
    """A further column that foreign keys may point to.

    Attributes:
        column_name: its name.
        is_feature: the values are a feature as well.
    """

    column_name: str
    is_feature: bool = False

    def __post_init__(self) -> None:
        check.text("column_name", self.column_name)
        object.__setattr__(self, "is_feature", check.boolean("is_feature", self.is_feature))


class GNNTable(ColumnTable):
    """What is to be known of one table of a database: its source, keys, times and dtypes. It holds no rows.

    Attributes:
        primary_key: the column whose values name the rows, or None.
        candidate_keys: further columns that foreign keys may point to.
        foreign_keys: links to other tables.
        type: node or edge.
    """

    def __init__(
        self,
        connector: Connector,
        source: str,
        name: str,
        type: Union[str, TableType] = TableType.NODE,
        candidate_keys: Optional[Iterable[Union[CandidateKey, str]]] = None,
        foreign_keys: Optional[Iterable[ForeignKey]] = None,
        time_column: Optional[str] = None,
        column_dtypes: Optional[Mapping[str, Union[str, ColumnDType]]] = None,
        primary_key: Optional[str] = None,
    ) -> None:
        """
        Args:
            connector: reads the source.
            source: a Parquet, CSV or JSON file, a glob of such files, or "file.duckdb::schema.table".
            name: of the table, without "." and "/".
            type: "node", or "edge": exactly two foreign keys, no node of its own.
            candidate_keys: further columns that foreign keys may point to.
            foreign_keys: links to other tables.
            time_column: says when a row came to be known; of dtype datetime.
            column_dtypes: dtypes by column, instead of the inferred ones.
            primary_key: the column whose values name the rows.

        Raises:
            ValidationError: an argument is not as it must be, or the source can't be read.
            ColumnNotFoundError: the source has no such column.
        """
        check.instance("connector", connector, Connector)
        check.name_without("name", name, "./")
        if not isinstance(type, TableType):
            type = TableType(check.one_of("type", type, [t.value for t in TableType]))
        self.type: TableType = type
        self.primary_key: Optional[str] = None
        self.candidate_keys: list[CandidateKey] = []
        self.foreign_keys: list[ForeignKey] = []
        super().__init__(connector, name, source, connector.resolve("source", source), None, column_dtypes)
        if primary_key is not None:
            if not isinstance(primary_key, str):
                raise ValidationError(
                    f'primary_key: table "{name}" can have one primary key, a column\'s name, got {check.shown(primary_key)}; further ones are candidate_keys',
                    field="primary_key",
                )
            self.set_primary_key(primary_key)
        for candidate in _several("candidate_keys", candidate_keys):
            self.set_candidate_key(candidate)
        for foreign in _several("foreign_keys", foreign_keys):
            self.set_foreign_key(foreign)
        if time_column is not None:
            self.set_time_column(time_column)
        self._warn_of_unknown_dtypes()

    def _warn_of_unknown_dtypes(self) -> None:
        unknown = [c.name for c in self.columns if c.dtype is None and self._key_role(c.name) is None]
        if unknown:
            import warnings

            warnings.warn(
                f'table "{self.name}": no dtype could be inferred for {check.listed(unknown)}: left out; add_column() takes one in with a dtype',
                GNNWarning,
                stacklevel=3,
            )

    # -- keys -----------------------------------------------------------------------------------------------------------

    def set_primary_key(self, col_name: str) -> None:
        """Makes a column the primary key.

        Raises:
            ColumnNotFoundError: there is no such column, or it was removed.
            ValidationError: the table has another primary key, or the column is its time column, or of a dtype that keys can't have.
        """
        self._may_be_key("primary_key", col_name)
        if self.primary_key not in (None, col_name):
            raise ValidationError(
                f'primary_key: table "{self.name}" has the primary key "{self.primary_key}" already; "{col_name}" can be a candidate key, '
                f'or the primary key after unset_primary_key("{self.primary_key}")',
                field="primary_key",
            )
        self.primary_key = col_name

    def unset_primary_key(self, col_name: str) -> None:
        """Makes the primary key an ordinary column.

        Raises:
            ValidationError: it is not the primary key.
        """
        self._column("col_name", col_name)
        if col_name != self.primary_key:
            raise ValidationError(
                f'col_name: "{col_name}" is not the primary key of table "{self.name}" (it is {check.shown(self.primary_key)})',
                field="col_name",
            )
        self.primary_key = None

    def set_candidate_key(self, candidate_key: Union[CandidateKey, str]) -> None:
        """Makes a column one that foreign keys may point to; one that is a candidate key already is replaced.

        Raises:
            ColumnNotFoundError, ValidationError: as for set_primary_key.
        """
        key = (
            CandidateKey(candidate_key) if isinstance(candidate_key, str) else check.instance("candidate_key", candidate_key, CandidateKey)
        )
        self._may_be_key("candidate_key", key.column_name)
        self.candidate_keys = [k for k in self.candidate_keys if k.column_name != key.column_name] + [key]

    def unset_candidate_key(self, candidate_key: Union[CandidateKey, str]) -> None:
        """Makes a candidate key an ordinary column.

        Raises:
            ValidationError: it is no candidate key.
        """
        name = candidate_key if isinstance(candidate_key, str) else check.instance("candidate_key", candidate_key, CandidateKey).column_name
        known = [k.column_name for k in self.candidate_keys]
        if name not in known:
            raise ValidationError(
                f'candidate_key: "{name}" is no candidate key of table "{self.name}" (they are {check.listed(known)})',
                field="candidate_key",
            )
        self.candidate_keys = [k for k in self.candidate_keys if k.column_name != name]

    def set_foreign_key(self, foreign_key: ForeignKey) -> None:
        """Links a column to a key of another table. Whether that exists is checked by Dataset.

        Raises:
            ColumnNotFoundError: there is no such column, or it was removed.
            ValidationError: the column links elsewhere already, or is the time column, or of a dtype that keys can't have.
        """
        key = check.instance("foreign_key", foreign_key, ForeignKey)
        self._may_be_key("foreign_key", key.column_name)
        for known in self.foreign_keys:
            if known.column_name == key.column_name and known.link_to != key.link_to:
                raise ValidationError(
                    f'foreign_key: column "{key.column_name}" of table "{self.name}" links to {known.link_to} already, not to {key.link_to}; '
                    "unset_foreign_key() it first",
                    field="foreign_key",
                )
        self.foreign_keys = [k for k in self.foreign_keys if k.column_name != key.column_name] + [key]

    def unset_foreign_key(self, foreign_key: ForeignKey) -> None:
        """Takes a link away; its column becomes an ordinary one.

        Raises:
            ValidationError: the table has no such foreign key.
        """
        key = check.instance("foreign_key", foreign_key, ForeignKey)
        if not any(k.column_name == key.column_name and k.link_to == key.link_to for k in self.foreign_keys):
            known = ", ".join(f"{k.column_name} to {k.link_to}" for k in self.foreign_keys) or "none"
            raise ValidationError(
                f'foreign_key: table "{self.name}" has no foreign key {key.column_name} to {key.link_to} (it has {known})',
                field="foreign_key",
            )
        self.foreign_keys = [k for k in self.foreign_keys if k.column_name != key.column_name]

    def keys(self) -> list[str]:
        """Columns that foreign keys may point to: the primary key, then the candidate keys."""
        return [*([self.primary_key] if self.primary_key is not None else []), *(k.column_name for k in self.candidate_keys)]

    def _key_role(self, col_name: str) -> Optional[str]:
        if col_name == self.primary_key:
            return "primary key"
        if any(k.column_name == col_name for k in self.candidate_keys):
            return "candidate key"
        return "foreign key" if any(k.column_name == col_name for k in self.foreign_keys) else None

    def _may_be_key(self, argument: str, col_name: Any) -> None:
        column = self._used(argument, col_name)
        if col_name == self.time_column:
            raise ValidationError(f'{argument}: "{col_name}" is the time column of table "{self.name}"', field=argument)
        if column.declared is not None and column.declared not in KEY_DTYPES:
            raise ValidationError(
                f'{argument}: keys are {check.listed(str(d) for d in KEY_DTYPES)}; "{col_name}" of table "{self.name}" is declared "{column.declared}"',
                field=argument,
            )

    def remove_column(self, col_name: str) -> None:
        """Takes a column out of the model. What it was as a key or a time column goes with it.

        Raises:
            ColumnNotFoundError: there is no such column, or it was removed.
        """
        super().remove_column(col_name)
        if col_name == self.primary_key:
            self.primary_key = None
        self.candidate_keys = [k for k in self.candidate_keys if k.column_name != col_name]
        self.foreign_keys = [k for k in self.foreign_keys if k.column_name != col_name]

    # -- as a whole -----------------------------------------------------------------------------------------------------

    def validate_table(self) -> bool:
        """Checks what can be told of the table alone: that it has a key, and that an edge table has exactly two foreign keys.

        Returns:
            True.

        Raises:
            ValidationError: what is wrong.
        """
        if self.primary_key is None and not self.foreign_keys and not self.candidate_keys:
            raise ValidationError(f'table "{self.name}": a table has a primary key or a foreign key, or both; this one has neither')
        if self.primary_key is None and not self.foreign_keys and all(k.is_feature for k in self.candidate_keys):
            raise ValidationError(
                f'table "{self.name}": all its keys are candidate keys with is_feature=True; one must be the primary key, or no feature'
            )
        if self.type is TableType.EDGE:
            if len(self.foreign_keys) != 2:
                raise ValidationError(
                    f'table "{self.name}": a table of type "edge" has exactly two foreign keys; this one has {len(self.foreign_keys)}'
                )
            if self.primary_key is not None or self.candidate_keys:
                raise ValidationError(f'table "{self.name}": a table of type "edge" has no primary or candidate key: its rows are no nodes')
        return True

    def show_table(self) -> None:
        """Prints the table's columns with types, dtypes, the reason for each, and keys."""
        roles = {self.time_column: "time column"} if self.time_column is not None else {}
        for f in self.foreign_keys:
            roles[f.column_name] = f"foreign key to {f.link_to}"
        for k in self.candidate_keys:
            roles[k.column_name] = "candidate key"
        if self.primary_key is not None:
            roles[self.primary_key] = "primary key" if self.primary_key not in roles else f"primary key, {roles[self.primary_key]}"
        count = "" if self.rows is None else f", {self.rows} rows"
        self._show([f"{self.name} ({self.type.value}{count}): {self.source}"], roles)

    def __repr__(self) -> str:
        return f'GNNTable(name="{self.name}", type="{self.type.value}", columns={len(self.column_names)})'


def _several(argument: str, value: Optional[Iterable[Any]]) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        check.refuse(argument, value, "a list of keys")
    if isinstance(value, (set, frozenset)):  # its order changes from run to run
        return sorted(value, key=lambda key: str(getattr(key, "column_name", key)))
    return list(value)
