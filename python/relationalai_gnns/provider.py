"""Provider: engines of this machine's host, of another host, or of the Snowflake application."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Optional, Union

from . import _check as check
from ._http import segment
from .connectors import LocalConnector
from .errors import NotFoundError, ValidationError
from .snowflake import Credentials, refuse_snowflake

STATES = ("READY", "SUSPENDED")


class Provider:
    """Creates, lists, suspends, resumes and deletes engines.

    `Provider()` manages this machine's host, `Provider(url=..., token=...)` another; with Snowflake's arguments the
    engines of the application there, which comes with the warehouse part.
    """

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
        url: Optional[str] = None,
        token: Optional[str] = None,
    ) -> None:
        """
        Args:
            account, warehouse, app_name, user, role, host: of Snowflake.
            auth_method: "password", "key_pair", "oauth", "browser" or "active_session".
            password: for "password". private_key_path, private_key_passphrase: for "key_pair". oauth_token: for "oauth".
            url: of a host, with its scheme and port.
            token: of that host.

        Raises:
            ValidationError: arguments are missing or contradict each other.
            NotBuiltError: Snowflake's arguments are right, but the warehouse part is not built yet.
            ConnectionError: the host can't be reached; told within 5 s.
        """
        credentials = Credentials(
            account, warehouse, app_name, user, role, auth_method, password, private_key_path, private_key_passphrase, oauth_token, host
        )
        if credentials.given():
            if url is not None or token is not None:
                raise ValidationError("url: names a host and goes without Snowflake's arguments", field="url")
            refuse_snowflake("Provider with Snowflake's arguments", credentials)
        self._client = LocalConnector(url=url, token=token).client

    def list_gnns(self, state: Optional[str] = None) -> list[dict[str, Any]]:
        """The engines, each {name, id, size, state, created_by, created_on, updated_on, settings}.

        Args:
            state: only those that are "READY" or "SUSPENDED".
        """
        if state is not None:
            state = check.one_of("state", state.upper() if isinstance(state, str) else state, STATES)
        answer = self._client.get("/v1/engines", {"state": state})
        return [_engine(e) for e in _list(answer, "engines")]

    def get_gnn(self, name: str) -> Optional[dict[str, Any]]:
        """The engine of that name, as list_gnns() gives it; None where there is none."""
        try:
            return _engine(self._client.get(_path(name)))
        except NotFoundError:
            return None

    def create_gnn(self, name: str, size: str = "HIGHMEM_X64_S", settings: Optional[Mapping[str, Any]] = None) -> bool:
        """Makes an engine.

        Args:
            name: 1 to 64 of A-Z a-z 0-9 _ -, the first a letter or _; compared without case.
            size: of the host's table of sizes, such as "HIGHMEM_X64_S" or "GPU_NV_S".
            settings: {"auto_suspend_mins": minutes without a job until it is suspended; None: never}. None: the host's, 15.

        Returns:
            True.

        Raises:
            ConflictError: the name is taken.
            ValidationError: the name, the size or a setting is not as it must be; the text has the sizes there are.
        """
        check.engine_name("name", name)
        sizes = [str(s["name"]) for s in _list(self._client.get("/v1/sizes"), "sizes")]
        check.one_of("size", size, sizes)
        body: dict[str, Any] = {"name": name, "size": size}
        if settings is not None:
            body["settings"] = _settings(settings)
        self._client.post("/v1/engines", body)
        return True

    def delete_gnn(self, name: str, force: bool = False) -> bool:
        """Deletes an engine.

        Args:
            name: of the engine.
            force: also one that has queued or running jobs, which are canceled.

        Returns:
            True; False where there is none of that name.

        Raises:
            ConflictError: it has jobs and force is False, or it is the engine "default".
        """
        try:
            self._client.delete(_path(name), {"force": check.boolean("force", force) or None})
        except NotFoundError:
            return False
        return True

    def resume_gnn(self, name: str) -> bool:
        """Makes a suspended engine take jobs again. Returns True.

        Raises:
            NotFoundError: there is no such engine.
        """
        self._client.post(f"{_path(name)}/resume", again=True)
        return True

    def suspend_gnn(self, name: str, force: bool = False) -> bool:
        """Makes an engine take no more jobs. Returns True.

        Args:
            name: of the engine.
            force: also one that has queued or running jobs, which are canceled.

        Raises:
            NotFoundError: there is no such engine.
            ConflictError: it has jobs and force is False.
        """
        self._client.post(f"{_path(name)}/suspend", query={"force": check.boolean("force", force) or None}, again=True)
        return True


def _path(name: Any) -> str:
    return f"/v1/engines/{segment(check.engine_name('name', name))}"


def _list(answer: Any, key: str) -> list[Any]:
    found = answer[key] if isinstance(answer, dict) else answer
    return list(found)


def _engine(told: Mapping[str, Any]) -> dict[str, Any]:
    out = {key: told.get(key) for key in ("name", "id", "size", "state", "created_by")}
    return {
        **out,
        "created_on": told.get("created_on", told.get("created_at")),
        "updated_on": told.get("updated_on", told.get("updated_at")),
        "settings": told.get("settings") or {},
    }


def _settings(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        check.refuse("settings", given, 'a dict such as {"auto_suspend_mins": 15}')
    for key in given:
        check.one_of("settings", key, ("auto_suspend_mins",))
    return {k: v if v is None else check.integer(f"settings[{k!r}]", v, 1, 1_000_000) for k, v in given.items()}
