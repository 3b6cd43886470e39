"""Columns of a source: their dtypes, as the host infers them, and what the user changes about them.

A dtype says how a column is encoded (docs/dtypes.md). What is shown first is inferred from the whole table; a job infers
again from the rows that are visible in training. Only what the user sets is sent with a job.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Iterable, Mapping, Optional, Union

from . import _check as check
from ._text import table_text
from .connectors import Connector
from .errors import NotFoundError, ValidationError


class ColumnDType(str, Enum):
    """How a column is encoded. `ColumnDType("float")`, `ColumnDType.float_t` and `ColumnDType("float_t")` are one."""

    integer_t = "integer"
    float_t = "float"
    category_t = "category"
    multi_category_t = "multi_categorical"
    multi_categorical_t = "multi_categorical"
    embedding_t = "embedding"
    datetime_t = "datetime"
    text_t = "text"

    @classmethod
    def _missing_(cls, value: object) -> "ColumnDType":
        if isinstance(value, str):
            name = value if value.endswith("_t") else f"{value}_t"
            if name in cls.__members__:
                return cls.__members__[name]
        known = [m.value for m in cls]
        near = check.nearest(value, known) if isinstance(value, str) else ""
        raise ValidationError(f"dtype: expected one of {check.listed(known)}, got {check.shown(value)}.{near}", field="dtype")

    def __str__(self) -> str:
        return self.value


# What keys may be declared as: their values are compared, never encoded, unless is_feature says so.
KEY_DTYPES = (ColumnDType.integer_t, ColumnDType.float_t, ColumnDType.text_t, ColumnDType.category_t)


def dtype_of(argument: str, value: Union[str, ColumnDType]) -> ColumnDType:
    """The dtype that the user named, in either spelling."""
    if not isinstance(value, str):
        check.refuse(argument, value, "a ColumnDType or its name")
    try:
        return ColumnDType(value)
    except ValidationError as error:
        raise ValidationError(error.message.replace("dtype", argument, 1), field=argument) from None


@dataclass
class Column:
    """A column of a source.

    Attributes:
        name: in the source.
        type: in the source, as the host reads it.
        inferred: the dtype that the host proposes; None: it can't tell.
        reason: why.
        declared: the dtype that the user set; None: left to inference.
    """

    name: str
    type: str
    inferred: Optional[ColumnDType]
    reason: str
    declared: Optional[ColumnDType] = None

    @property
    def dtype(self) -> Optional[ColumnDType]:
        """Declared, else inferred."""
        return self.declared or self.inferred


def describe(connector: Connector, argument: str, source: str) -> tuple[list[Column], Optional[int]]:
    """The columns of a resolved source in their order, and its number of rows.

    Raises:
        ValidationError, NotFoundError: the host can't read it.
    """
    try:
        answer: Mapping[str, Any] = connector.client.post("/v1/describe", {"source": source}, again=True, long=True)
    except (ValidationError, NotFoundError) as error:
        connector.explain(error, source)
        raise
    columns = [Column(str(c["name"]), str(c.get("type") or ""), _inferred(c), str(c.get("reason") or "")) for c in answer["columns"]]
    if not columns:
        raise ValidationError(f'{argument}: "{source}" has no columns', field=argument)
    return columns, answer.get("rows")


def _inferred(told: Mapping[str, Any]) -> Optional[ColumnDType]:
    """Strings that are neither times nor categories are text (docs/dtypes.md), whether the host names it or leaves them out."""
    if told.get("dtype") is not None:
        return ColumnDType(told["dtype"])
    return ColumnDType.text_t if told.get("type") == "string" else None


class ColumnTable:
    """A source with its columns: what GNNTable and the tasks share. Its time column and dtypes can be changed.

    Attributes:
        connector: reads the source.
        name: of the table or task.
        source: as given.
        rows: of the source; None where the host does not tell.
        time_column: None: no times.
    """

    _kind = "table"

    def __init__(
        self,
        connector: Connector,
        name: str,
        source: str,
        resolved: str,
        time_column: Optional[str],
        column_dtypes: Optional[Mapping[str, Union[str, ColumnDType]]],
    ) -> None:
        self.connector = check.instance("connector", connector, Connector)
        self.name = name
        self.source = source
        self.resolved_source = resolved
        columns, self.rows = describe(connector, "source", resolved)
        self._columns: dict[str, Column] = {c.name: c for c in columns}
        self._removed: set[str] = set()
        self.time_column: Optional[str] = None
        if column_dtypes is not None:
            if not isinstance(column_dtypes, Mapping):
                check.refuse("column_dtypes", column_dtypes, "a dict from column to dtype")
            for column, dtype in column_dtypes.items():
                self._column("column_dtypes", column).declared = dtype_of(f'column_dtypes["{column}"]', dtype)
        if time_column is not None:
            self.set_time_column(time_column)

    # -- reading ------------------------------------------------------------------------------------------------------

    @property
    def column_names(self) -> list[str]:
        """Names of the columns in use, in the order of the source."""
        return [c.name for c in self.columns]

    @property
    def columns(self) -> list[Column]:
        """The columns in use, in the order of the source."""
        return [c for c in self._columns.values() if c.name not in self._removed]

    @property
    def removed_columns(self) -> list[str]:
        """Columns of the source that were removed."""
        return [name for name in self._columns if name in self._removed]

    def column_dtype(self, col_name: str) -> Optional[ColumnDType]:
        """The dtype of a column in use, declared or inferred; None: it can't be told."""
        return self._used("col_name", col_name).dtype

    def _column(self, argument: str, name: Any) -> Column:
        if not isinstance(name, str) or name not in self._columns:
            near = check.nearest(name, self._columns) if isinstance(name, str) else ""
            raise ColumnNotFoundError(
                f'{argument}: {self._kind} "{self.name}" has no column {check.shown(name)}.{near} Columns: {check.listed(self._columns)}',
                field=argument,
            )
        return self._columns[name]

    def _used(self, argument: str, name: Any) -> Column:
        column = self._column(argument, name)
        if column.name in self._removed:
            raise ColumnNotFoundError(
                f'{argument}: column "{name}" of {self._kind} "{self.name}" was removed; add_column() brings it back', field=argument
            )
        return column

    # -- changing -----------------------------------------------------------------------------------------------------

    def update_column_dtype(self, col_name: str, dtype: Union[str, ColumnDType]) -> None:
        """Declares a column's dtype.

        Raises:
            ColumnNotFoundError: there is no such column, or it was removed.
            ValidationError: no such dtype; a time column must stay datetime; a key can't be datetime, embedding or multi_categorical.
        """
        column = self._used("col_name", col_name)
        declared = dtype_of("dtype", dtype)
        if col_name == self.time_column and declared != ColumnDType.datetime_t:
            raise ValidationError(
                f'dtype: "{col_name}" is the time column of {self._kind} "{self.name}" and must stay datetime, got "{declared}"',
                field="dtype",
            )
        self._check_key_dtype(col_name, declared)
        column.declared = declared

    def _check_key_dtype(self, col_name: str, dtype: Optional[ColumnDType]) -> None:
        role = self._key_role(col_name)
        if role is not None and dtype is not None and dtype not in KEY_DTYPES:
            raise ValidationError(
                f'dtype: "{col_name}" is a {role} of {self._kind} "{self.name}"; keys are {check.listed(str(d) for d in KEY_DTYPES)}, not "{dtype}"',
                field="dtype",
            )

    def _key_role(self, col_name: str) -> Optional[str]:
        """ "primary key", "candidate key", "foreign key", or None."""
        return None

    def remove_column(self, col_name: str) -> None:
        """Takes a column out of the model. What it was as a key or a time column goes with it.

        Raises:
            ColumnNotFoundError: there is no such column, or it was removed.
        """
        self._removed.add(self._used("col_name", col_name).name)
        if col_name == self.time_column:
            self.time_column = None

    def add_column(self, col_name: str, dtype: Union[str, ColumnDType]) -> None:
        """Brings a removed column back, or takes one in whose dtype could not be inferred.

        Raises:
            ColumnNotFoundError: the source has no such column.
            ValidationError: the column is in use already; no such dtype.
        """
        column = self._column("col_name", col_name)
        if col_name not in self._removed and column.dtype is not None:
            raise ValidationError(
                f'col_name: column "{col_name}" of {self._kind} "{self.name}" is in use already; update_column_dtype() changes its dtype',
                field="col_name",
            )
        column.declared = dtype_of("dtype", dtype)
        self._removed.discard(col_name)

    def set_time_column(self, col_name: str) -> None:
        """Names the column that says when a row came to be known.

        Raises:
            ColumnNotFoundError: there is no such column, or it was removed.
            ValidationError: it is no datetime, it is a key, or another column is the time column.
        """
        column = self._used("time_column", col_name)
        if self.time_column not in (None, col_name):
            raise ValidationError(
                f'time_column: {self._kind} "{self.name}" has the time column "{self.time_column}" already; unset_time_column() it first',
                field="time_column",
            )
        role = self._key_role(col_name)
        if role is not None:
            raise ValidationError(f'time_column: "{col_name}" is a {role} of {self._kind} "{self.name}"', field="time_column")
        if column.dtype != ColumnDType.datetime_t:
            found = f'"{column.dtype}"' if column.dtype is not None else "unknown"
            raise ValidationError(
                f'time_column: a time column is of dtype "datetime"; that of "{col_name}" in {self._kind} "{self.name}" is {found} ({column.type})',
                field="time_column",
                advice=f'Where its texts are ISO times: column_dtypes={{"{col_name}": "datetime"}}.',
            )
        self.time_column = col_name

    def unset_time_column(self, col_name: str) -> None:
        """Makes the time column an ordinary one.

        Raises:
            ValidationError: it is not the time column.
        """
        self._column("col_name", col_name)
        if col_name != self.time_column:
            raise ValidationError(
                f'col_name: "{col_name}" is not the time column of {self._kind} "{self.name}" (it is {check.shown(self.time_column)})',
                field="col_name",
            )
        self.time_column = None

    def _show(self, title: Iterable[str], roles: Mapping[str, str]) -> None:
        rows = [[c.name, c.type, str(c.dtype or "?"), "declared" if c.declared else c.reason, roles.get(c.name, "")] for c in self.columns]
        print("\n".join([*title, table_text(["column", "type", "dtype", "why", "role"], rows)]))
        if self._removed:
            print(f"removed: {', '.join(self.removed_columns)}")


class ColumnNotFoundError(NotFoundError, ValidationError):
    """The table has no such column."""
