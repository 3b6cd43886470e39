"""Where predictions are written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from typing import Any, Mapping, Optional, Union

from . import _check as check
from .connectors import Connector
from .errors import ValidationError

_WAREHOUSE = "warehouse"


class FileExtension(str, Enum):
    """Files that predictions can be written to."""

    PARQUET = "parquet"
    CSV = "csv"


@dataclass(frozen=True)
class LocalSettings:
    """Files: `artifacts_dir/PREDICTIONS_<ALIAS>.<extension>`."""

    artifacts_dir: str
    extension: str


@dataclass(frozen=True)
class DuckDBSettings:
    """Tables of a DuckDB database: `schema.PREDICTIONS_<ALIAS>`."""

    database: str
    schema: str


@dataclass(frozen=True)
class SnowflakeSettings:
    """Tables of a Snowflake schema: `database_name.schema_name.PREDICTIONS_<ALIAS>`."""

    database_name: str
    schema_name: str


@dataclass(frozen=True)
class PostgresSettings:
    """Tables of a PostgreSQL schema: `schema.PREDICTIONS_<ALIAS>`."""

    uri: str
    schema: str


@dataclass(frozen=True)
class SQLiteSettings:
    """Tables of an SQLite database: `PREDICTIONS_<ALIAS>`."""

    database: str


Settings = Union[LocalSettings, DuckDBSettings, SnowflakeSettings, PostgresSettings, SQLiteSettings]


@dataclass(frozen=True)
class OutputConfig:
    """Where predictions are written; made by one of its class methods.

    Attributes:
        type: "local", "duckdb", "snowflake", "postgres" or "sqlite".
        settings: of that type.
    """

    type: str
    settings: Settings

    @classmethod
    def local(cls, artifacts_dir: str, extension: Union[str, FileExtension] = "parquet") -> "OutputConfig":
        """Files in a folder, which the job makes where it is absent.

        Args:
            artifacts_dir: the folder; relative ones are this process's on this machine's host, else the host's.
            extension: "parquet" or "csv".

        Raises:
            ValidationError: extension is neither; pickle files are refused, as reading one runs what is in it.
        """
        ending = extension.value if isinstance(extension, FileExtension) else extension
        if ending in ("pkl", "pickle"):
            raise ValidationError(
                f'extension: "{ending}" is not written, as reading such a file runs the code in it; expected "parquet" or "csv"',
                field="extension",
            )
        return cls(
            "local",
            LocalSettings(_path("artifacts_dir", artifacts_dir), check.one_of("extension", ending, [e.value for e in FileExtension])),
        )

    @classmethod
    def duckdb(cls, database: str, schema: str = "main") -> "OutputConfig":
        """Tables of a DuckDB file, which is made where it is absent.

        Args:
            database: the file.
            schema: made where it is absent.
        """
        return cls("duckdb", DuckDBSettings(_path("database", database), check.text("schema", schema)))

    @classmethod
    def snowflake(cls, database_name: str, schema_name: str) -> "OutputConfig":
        """Tables of a Snowflake schema. Refused where it is used, until the warehouse part is built."""
        return cls("snowflake", SnowflakeSettings(check.text("database_name", database_name), check.text("schema_name", schema_name)))

    @classmethod
    def postgres(cls, uri: str, schema: str = "public") -> "OutputConfig":
        """Tables of a PostgreSQL schema. Refused where it is used, until the warehouse part is built."""
        return cls("postgres", PostgresSettings(check.text("uri", uri, longest=4096), check.text("schema", schema)))

    @classmethod
    def sqlite(cls, database: str) -> "OutputConfig":
        """Tables of an SQLite file. Refused where it is used, until the warehouse part is built."""
        return cls("sqlite", SQLiteSettings(_path("database", database)))

    def request(self, connector: Connector, alias: str, flatten: bool) -> Mapping[str, Any]:
        """The `output` of a job (docs/host.md).

        Args:
            connector: makes paths absolute for this machine's host.
            alias: tells outputs apart; upper-cased by the host.
            flatten: one column a class, one row a link, instead of lists.

        Raises:
            NotBuiltError: the type comes with the warehouse part.
        """
        more: dict[str, Any] = {"alias": check.alias("output_alias", alias)}
        if flatten:
            more["flatten"] = True
        if isinstance(self.settings, LocalSettings):
            return {
                "kind": "files",
                "folder": connector.resolve_path("artifacts_dir", self.settings.artifacts_dir),
                "extension": self.settings.extension,
                **more,
            }
        if isinstance(self.settings, DuckDBSettings):
            return {
                "kind": "duckdb",
                "database": connector.resolve_path("database", self.settings.database),
                "schema": self.settings.schema,
                **more,
            }
        raise check.not_built(f"output to {self.type}", _WAREHOUSE)


def _path(argument: str, value: Any) -> str:
    given: Optional[Any] = os.fspath(value) if isinstance(value, os.PathLike) else value
    return check.text(argument, given, longest=4096)
