"""HTTP with the host: JSON in and out, kept-alive connections, retries, problem documents turned into exceptions.

Only the standard library. One Client may be used by several threads; each has a connection of its own.
Reads are retried with back-off for as long as DEADLINE_S allows; so are writes that carry an idempotency key or change
nothing when they come twice. A write of another kind is sent again only where it can't have reached the host.
"""

from __future__ import annotations

import json
import selectors
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping, NamedTuple, Optional, Union
from urllib.parse import quote, urlencode, urlsplit

from .errors import AuthenticationError, ConnectionError, GNNError, HostTimeoutError, HostVersionError, ValidationError, from_problem

if TYPE_CHECKING:
    import http.client

DEADLINE_S = 4.5  # a host that can't be reached is told within it, all tries together
LONG_S = 600.0  # for requests that read data, as long as the host shows that it is alive
SILENCE_S = 25.0  # of a stream; the host sends something every 10 s
API = "v1"


class Address(NamedTuple):
    """Where a host is, and the token that opens it (None: it wants none)."""

    url: str
    token: Optional[str]


def check_url(argument: str, url: object) -> str:
    """`http://host:port` or `https://...` without a final slash, or ValidationError."""
    text = str(url).rstrip("/") if isinstance(url, str) else ""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise ValidationError(
            f'{argument}: expected the address of a host with its scheme, such as "http://127.0.0.1:8080", got {url!r}', field=argument
        )
    return text


class Client:
    """Requests to one host. Owned by a connector; thread-safe."""

    def __init__(
        self,
        address: Address,
        headers: Optional[Mapping[str, str]] = None,
        *,
        ca_file: Optional[str] = None,
        relocate: Optional[Callable[[], Address]] = None,
    ) -> None:
        """
        Args:
            address: the host.
            headers: sent with every request, such as Authorization of a gateway; they win over the token.
            ca_file: certificates (PEM) to trust for https instead of the system's.
            relocate: called once a request when the host can't be reached; gives its new address (the host of this
                machine ends when idle and is started again).
        """
        self.address = address
        self._headers = dict(headers or {})
        self._ca_file = ca_file
        self._relocate = relocate
        self._local = threading.local()

    # -- what connectors and jobs call ------------------------------------------------------------------------------

    def get(self, path: str, query: Optional[Mapping[str, object]] = None) -> Any:
        """The JSON that GET answers."""
        return self._json("GET", _with_query(path, query), None, again=True)

    def post(
        self,
        path: str,
        body: Optional[Mapping[str, Any]] = None,
        *,
        query: Optional[Mapping[str, object]] = None,
        idempotency_key: Optional[str] = None,
        again: bool = False,
        long: bool = False,
    ) -> Any:
        """The JSON that POST answers.

        Args:
            path: of the route.
            body: sent as JSON; None: no body.
            query: parameters of the URL; those that are None are left out.
            idempotency_key: lets the host recognise a request that it got before, so that it may be sent again.
            again: the request may be sent twice, as its second time changes nothing.
            long: the host may take as long as LONG_S, because it reads data.
        """
        return self._json(
            "POST", _with_query(path, query), body, again=again or idempotency_key is not None, key=idempotency_key, long=long
        )

    def delete(self, path: str, query: Optional[Mapping[str, object]] = None) -> None:
        """DELETE; NotFoundError where there is nothing."""
        self._json("DELETE", _with_query(path, query), None, again=False)

    def download(self, path: str, query: Optional[Mapping[str, object]] = None) -> bytes:
        """The bytes that GET answers; they may take the host as long as LONG_S."""
        return self._bytes("GET", _with_query(path, query), None, again=True, long=True)

    def handshake(self) -> dict[str, Any]:
        """What the host tells of itself. HostVersionError where it speaks another version of the interface."""
        about = self.get("/v1/host")
        if not isinstance(about, dict) or "api" not in about:
            raise HostVersionError(f"{self.address.url} answers, but not as an engine host does")
        if str(about["api"]).removeprefix("v").split(".")[0] != API.removeprefix("v"):
            raise HostVersionError(
                f'the host at {self.address.url} (version {about.get("version")}) speaks interface "{about["api"]}", this package "{API}"',
                advice="Install the package and the engine in versions that belong together.",
            )
        return about

    def lines(self, path: str, query: Mapping[str, object], silence_s: float = SILENCE_S) -> Iterator[bytes]:
        """The lines of a stream as they come, until the host ends it or says nothing for silence_s (HostTimeoutError).

        A connection that breaks ends in ConnectionError: the caller knows from where to go on.
        """
        connection: Optional[http.client.HTTPConnection] = None
        try:
            connection = self._connect(DEADLINE_S)
            response = self._send(connection, "GET", _with_query(path, query), None, None, {"Accept": "application/jsonl"})
            self._refuse(response, response.status)
            if connection.sock is not None:
                connection.sock.settimeout(max(silence_s, 0.05))
            while True:
                line = response.readline(1 << 24)
                if not line:
                    return
                yield line
        except GNNError:
            raise
        except (TimeoutError, socket.timeout) as error:
            raise HostTimeoutError(f"{self.address.url} sent nothing for {silence_s:.0f} s") from error
        except _transport_errors() as error:
            raise ConnectionError(f"the connection to {self.address.url} broke: {_reason(error)}") from error
        finally:
            if connection is not None:
                connection.close()

    # -- one request ------------------------------------------------------------------------------------------------

    def _json(
        self, method: str, path: str, body: Optional[Mapping[str, Any]], *, again: bool, key: Optional[str] = None, long: bool = False
    ) -> Any:
        answer = self._bytes(method, path, body, again=again, key=key, long=long)
        if not answer:
            return None
        try:
            return json.loads(answer)
        except ValueError as error:
            raise ConnectionError(f"{self.address.url}{path} answers something that is not JSON: is it an engine host?") from error

    def _bytes(
        self, method: str, path: str, body: Optional[Mapping[str, Any]], *, again: bool, key: Optional[str] = None, long: bool = False
    ) -> bytes:
        payload = None if body is None else json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        started, pause, relocated = time.monotonic(), 0.05, False
        while True:
            sent = False
            try:
                connection = self._kept(started)
                sent = True
                response = self._send(connection, method, path, payload, key, {}, long=long, started=started)
                data = response.read()
                if response.will_close:
                    self._drop()
                self._refuse(response, response.status, data)
                return data
            except GNNError:
                raise
            except _transport_errors() as error:
                self._drop()
                if not sent and self._relocate is not None and not relocated:
                    relocated = True
                    self.address = self._relocate()
                    started = time.monotonic()
                    continue
                left = DEADLINE_S - (time.monotonic() - started)
                if left <= pause or (sent and not again):
                    raise self._unreachable(error, time.monotonic() - started) from error
                time.sleep(pause)
                pause = min(2 * pause, 1.0)

    def _send(
        self,
        connection: "http.client.HTTPConnection",
        method: str,
        path: str,
        payload: Optional[bytes],
        key: Optional[str],
        more: Mapping[str, str],
        *,
        long: bool = False,
        started: Optional[float] = None,
    ) -> "http.client.HTTPResponse":
        headers = {"Accept": "application/json", "User-Agent": "relationalai_gnns"}
        if self.address.token:
            headers["Authorization"] = f"Bearer {self.address.token}"
        if payload is not None:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        headers.update(more)
        headers.update(self._headers)
        connection.request(method, urlsplit(self.address.url).path + path, body=payload, headers=headers)
        begun = time.monotonic() if started is None else started
        while connection.sock is not None and not _readable(connection.sock, 2.0):
            waited = time.monotonic() - begun
            if waited > (LONG_S if long else DEADLINE_S - 2.0) or (long and not self._alive()):
                raise HostTimeoutError(f"{self.address.url} took the request but did not answer within {waited:.0f} s: {method} {path}")
        if connection.sock is not None and long:
            connection.sock.settimeout(60)
        return connection.getresponse()

    def _refuse(self, response: "http.client.HTTPResponse", status: int, data: Optional[bytes] = None) -> None:
        if status < 400:
            return
        body = response.read() if data is None else data
        try:
            problem = json.loads(body)
        except ValueError:
            problem = {"detail": f"{self.address.url} answers {status} {response.reason}: {body[:200].decode(errors='replace').strip()}"}
        if not isinstance(problem, dict):
            problem = {"detail": f"{self.address.url} answers {status} {response.reason}"}
        error = from_problem(problem, status)
        if isinstance(error, AuthenticationError) and error.advice is None:
            error.advice = f"The host is {self.address.url}; give its token with token=, as its state folder has it in the file `token`."
        raise error

    def _alive(self) -> bool:
        try:
            connection = self._connect(1.5)
            try:
                connection.request("GET", urlsplit(self.address.url).path + "/healthz")
                return connection.getresponse().status < 500
            finally:
                connection.close()
        except _transport_errors():
            return False

    # -- connections ------------------------------------------------------------------------------------------------

    def _connect(self, timeout: float) -> "http.client.HTTPConnection":
        import http.client

        parts = urlsplit(self.address.url)
        assert parts.hostname is not None
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            import ssl

            connection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout, context=ssl.create_default_context(cafile=self._ca_file)
            )
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        connection.connect()
        if connection.sock is not None:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _kept(self, started: float) -> "http.client.HTTPConnection":
        """This thread's connection; a new one where there is none, the address changed or the host closed it."""
        kept: Optional[tuple[str, http.client.HTTPConnection]] = getattr(self._local, "connection", None)
        if kept is not None:
            url, connection = kept
            if url == self.address.url and connection.sock is not None and not _readable(connection.sock, 0):
                return connection
            self._drop()
        connection = self._connect(max(0.2, DEADLINE_S - (time.monotonic() - started)))
        self._local.connection = (self.address.url, connection)
        return connection

    def _drop(self) -> None:
        kept = getattr(self._local, "connection", None)
        self._local.connection = None
        if kept is not None:
            kept[1].close()

    def _unreachable(self, error: BaseException, waited: float) -> ConnectionError:
        timed_out = isinstance(error, TimeoutError)
        kind = HostTimeoutError if timed_out else ConnectionError
        return kind(
            f"the host at {self.address.url} can't be reached: {_reason(error)} (tried for {waited:.1f} s)",
            advice="Is it running? `rle serve` starts one; LocalConnector() without arguments does so by itself.",
        )


def _readable(sock: socket.socket, timeout_s: float) -> bool:
    """Whether there is something to read, or the other side has closed it, within the time."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(timeout_s))


def _transport_errors() -> tuple[type[BaseException], ...]:
    import http.client

    return (OSError, http.client.HTTPException)


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _with_query(path: str, query: Optional[Mapping[str, object]]) -> str:
    given = {k: _value(v) for k, v in (query or {}).items() if v is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _value(value: object) -> Union[str, int]:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, int) else str(value)


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")
