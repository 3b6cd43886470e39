"""Snowflake: credentials are checked as they will be; the connectors come with the warehouse part."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Mapping, NoReturn, Optional, Union

from . import _check as check
from .connectors import Connector
from .errors import ValidationError

AUTH_METHODS = ("password", "key_pair", "oauth", "browser", "active_session")
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "password": ("account", "user", "password"),
    "key_pair": ("account", "user", "private_key_path"),
    "oauth": ("account", "oauth_token"),
    "browser": ("account", "user"),
    "active_session": ("app_name",),
}


@dataclass(frozen=True)
class Credentials:
    """How to log in to Snowflake. Never printed: its repr has no values."""

    account: Optional[str] = None
    warehouse: Optional[str] = None
    app_name: Optional[str] = None
    user: Optional[str] = None
    role: Optional[str] = None
    auth_method: Optional[str] = None
    password: Optional[str] = None
    private_key_path: Union[str, Path, None] = None
    private_key_passphrase: Optional[str] = None
    oauth_token: Optional[str] = None
    host: Optional[str] = None

    def given(self) -> list[str]:
        """The arguments that are not None."""
        return [f.name for f in fields(self) if getattr(self, f.name) is not None]

    def check(self) -> None:
        """Raises ValidationError where the method is unknown or what it needs is missing or empty. No value is told."""
        method = check.one_of("auth_method", (self.auth_method or "password").lower(), AUTH_METHODS)
        for name in _NEEDED[method]:
            if not getattr(self, name):
                raise ValidationError(f'{name}: is missing: auth_method="{method}" needs {check.listed(_NEEDED[method])}', field=name)

    def __repr__(self) -> str:
        return f"Credentials({', '.join(f'{name}=...' for name in self.given())})"


def refuse_snowflake(what: str, credentials: Credentials) -> NoReturn:
    """Checks the credentials, then says that Snowflake is not built yet."""
    credentials.check()
    raise check.not_built(what, "warehouse")


class SnowflakeConnector(Connector):
    """Jobs on tables of Snowflake. It checks its arguments and refuses: it comes with the warehouse part."""

    connector_type = "snowflake"

    def __init__(
        self,
        account: Optional[str] = None,
        warehouse: Optional[str] = None,
        app_name: Optional[str] = None,
        user: Optional[str] = None,
        role: Optional[str] = None,
        auth_method: Optional[str] = None,
        password: Optional[str] = None,
        private_key_path: Union[str, Path, None] = None,
        private_key_passphrase: Optional[str] = None,
        oauth_token: Optional[str] = None,
        host: Optional[str] = None,
        *,
        engine_name: Optional[str] = None,
    ) -> None:
        """
        Args:
            account, warehouse, app_name, user, role, host, auth_method, password, private_key_path, private_key_passphrase, oauth_token: as of Provider.
            engine_name: the engine that jobs are sent to.

        Raises:
            ValidationError: arguments are missing.
            NotBuiltError: always, so far.
        """
        if engine_name is not None:
            check.engine_name("engine_name", engine_name)
        refuse_snowflake(
            "SnowflakeConnector",
            Credentials(
                account, warehouse, app_name, user, role, auth_method, password, private_key_path, private_key_passphrase, oauth_token, host
            ),
        )


class SnowflakeConnectorDirectAccess(Connector):
    """Jobs on tables of Snowflake by an engine at `endpoint_url`. It checks its arguments and refuses: it comes with the warehouse part."""

    connector_type = "snowflake"

    def __init__(self, user: str, password: str, account: str, endpoint_url: Optional[str] = None) -> None:
        """
        Args:
            user, password, account: of Snowflake.
            endpoint_url: of the engine.

        Raises:
            ValidationError: arguments are missing.
            NotBuiltError: always, so far.
        """
        if endpoint_url is not None:
            check.text("endpoint_url", endpoint_url, longest=4096)
        refuse_snowflake("SnowflakeConnectorDirectAccess", Credentials(account=account, user=user, password=password))
