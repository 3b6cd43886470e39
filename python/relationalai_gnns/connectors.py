"""Connectors: which host runs the jobs, and how sources are named to it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Mapping, Optional

from . import _check as check
from . import _local_host
from ._http import Address, Client, check_url
from ._installation import warn_of_the_published_package
from .errors import GNNError, ValidationError

DEFAULT_ENGINE = "default"
_EXTENSIONS = {"csv": (".csv", ".csv.gz", ".tsv"), "parquet": (".parquet", ".pq"), "duckdb": (".duckdb", ".ddb", ".db")}


class Connector:
    """Base of all connectors.

    Attributes:
        connector_type: "csv", "parquet", "duckdb" or "snowflake" where it was named; None: any source.
        engine_name: the engine that jobs are sent to.
        client: HTTP with the host.
        is_local: the host runs on this machine and reads what this user may read.
        is_native_app: jobs run inside Snowflake.
    """

    connector_type: Optional[str] = None
    engine_name: str = DEFAULT_ENGINE
    client: Client
    is_local: bool = False
    is_native_app: bool = False

    def resolve(self, argument: str, source: Any) -> str:
        """A source as the host is told it: absolute where the host is this machine's, else as written.

        Args:
            argument: its name, for the message.
            source: `file.parquet`, `dir/*.csv`, `file.duckdb::schema.table`, ...

        Raises:
            ValidationError: it is no text, or of another kind than connector_type.
        """
        if isinstance(source, os.PathLike):
            source = os.fspath(source)
        path, separator, table = check.text(argument, source, longest=4096).partition("::")
        if separator and not table:
            check.refuse(argument, source, 'a table after "::", as in "file.duckdb::schema.table"')
        self._check_kind(argument, path)
        return self.resolve_path(argument, path) + separator + table

    def resolve_path(self, argument: str, path: Any) -> str:
        """A path as the host is told it: absolute where the host is this machine's, else as written."""
        given = check.text(argument, path, longest=4096)
        if self.is_local and not re.match(r"[a-z][a-z0-9+.-]*://", given):
            return os.path.abspath(os.path.expanduser(given))
        return given

    def explain(self, error: GNNError, path: str) -> None:
        """Adds to an error about a relative path that it is another host's, where it is."""
        if not self.is_local and not os.path.isabs(path) and "://" not in path:
            note = f"Relative paths are those of the host at {self.client.address.url}, not of this program."
            error.advice = f"{error.advice} {note}" if error.advice else note

    def _check_kind(self, argument: str, path: str) -> None:
        wanted = _EXTENSIONS.get(self.connector_type or "")
        if wanted is None:
            return
        for kind, endings in _EXTENSIONS.items():
            if kind != self.connector_type and path.lower().endswith(endings):
                raise ValidationError(
                    f'{argument}: the connector was made with connector_type="{self.connector_type}", "{path}" is of type "{kind}"',
                    field=argument,
                    advice="LocalConnector() without connector_type takes files of every kind.",
                )


class LocalConnector(Connector):
    """Jobs run on an engine host over local files (Parquet, CSV, JSON) and DuckDB databases.

    `LocalConnector()` uses the host of this machine and starts one where none runs (docs/host.md); it ends by itself
    after 15 minutes without a job. With `url` it uses the host there.
    """

    def __init__(
        self,
        connector_type: Optional[str] = None,
        port: Optional[int] = None,
        url: Optional[str] = None,
        *,
        endpoint_url: Optional[str] = None,
        token: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = None,
        engine_name: str = DEFAULT_ENGINE,
        ca_file: Optional[str] = None,
    ) -> None:
        """
        Args:
            connector_type: "csv", "parquet" or "duckdb": sources of another kind are refused. None: every kind.
            port: of the host; joined to `url`.
            url: of the host with its scheme, such as "http://127.0.0.1:8080". None (and no endpoint_url): this machine's host.
            endpoint_url: the same with its port.
            token: of the host at `url`; None: what RLE_TOKEN holds, or this machine's host's if the url is its own.
            headers: sent with every request, such as {"Authorization": "Bearer ..."}.
            engine_name: the engine that jobs are sent to.
            ca_file: certificates (PEM) to trust for https.

        Raises:
            ValidationError: an argument is not as it must be.
            ConnectionError: the host can't be reached, started or understood; told within 5 s.
            AuthenticationError: the host does not take the token.
        """
        warn_of_the_published_package()
        if connector_type is not None:
            check.one_of("connector_type", connector_type, list(_EXTENSIONS))
        self.connector_type = connector_type
        self.engine_name = check.engine_name("engine_name", engine_name)
        self.headers = dict(headers or {})
        self.client = self._client(port, url, endpoint_url, token, ca_file)
        self.about: dict[str, Any] = self.client.handshake()

    @property
    def endpoint_url(self) -> str:
        """Where the host is."""
        return self.client.address.url

    def _client(
        self, port: Optional[int], url: Optional[str], endpoint_url: Optional[str], token: Optional[str], ca_file: Optional[str]
    ) -> Client:
        if url is None and endpoint_url is None:
            for name, value in (("port", port), ("token", token), ("ca_file", ca_file)):
                if value is not None:
                    raise ValidationError(f"{name}: goes with url= or endpoint_url=, and neither is given", field=name)
            self.is_local = True
            return Client(_local_host.find_or_start(), self.headers, relocate=_local_host.find_or_start)
        if url is not None and endpoint_url is not None:
            raise ValidationError("endpoint_url: give either url= or endpoint_url=, not both", field="endpoint_url")
        if endpoint_url is not None and port is not None:
            raise ValidationError("port: goes with url=; endpoint_url has its port already", field="port")
        address = check_url("url" if url is not None else "endpoint_url", url if url is not None else endpoint_url)
        if port is not None:
            address = check_url("url", f"{address}:{check.integer('port', port, 1, 65535)}")
        own = _own_host()
        self.is_local = own is not None and own.url == address
        return Client(Address(address, _token(token, own if self.is_local else None)), self.headers, ca_file=ca_file)

    def __repr__(self) -> str:
        return f'LocalConnector(url="{self.endpoint_url}", engine_name="{self.engine_name}")'


def _own_host() -> Optional[Address]:
    """What host.json of this machine tells, whether it runs or not."""
    import json

    state: Path = _local_host.state_folder()
    try:
        return Address(str(json.loads((state / "host.json").read_text())["url"]).rstrip("/"), (state / "token").read_text().strip())
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _token(given: Optional[str], own: Optional[Address]) -> Optional[str]:
    if given is not None:
        return check.text("token", given, longest=4096).strip()
    return os.environ.get("RLE_TOKEN") or (own.token if own is not None else None)
