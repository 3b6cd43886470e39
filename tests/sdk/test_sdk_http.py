"""The package and a host that is slow, gone, wrong or forgetful: what is sent again, what is told, and how soon."""

import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest


def seconds(call):
    started = time.monotonic()
    call()
    return time.monotonic() - started


def test_a_wrong_token_is_told_at_once(host):
    from relationalai_gnns import AuthenticationError, LocalConnector

    def refused():
        with pytest.raises(AuthenticationError, match="the token is missing or wrong") as error:
            LocalConnector(url=host.url, token="other")
        assert isinstance(error.value, PermissionError) and host.url in str(error.value) and "other" not in str(error.value)

    assert seconds(refused) < 1


def test_a_host_that_is_not_there_is_told_within_5_seconds():
    from relationalai_gnns import GNNError, LocalConnector

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def refused():
        with pytest.raises(ConnectionError, match=f"the host at http://127.0.0.1:{port} can't be reached: Connection refused") as error:
            LocalConnector(url=f"http://127.0.0.1:{port}")
        assert isinstance(error.value, GNNError)

    assert seconds(refused) < 5


def test_a_host_that_takes_requests_and_says_nothing_is_told_within_5_seconds():
    from relationalai_gnns import HostTimeoutError, LocalConnector

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()

        def refused():
            with pytest.raises(HostTimeoutError) as error:
                LocalConnector(url=f"http://127.0.0.1:{silent.getsockname()[1]}")
            assert isinstance(error.value, TimeoutError)

        assert seconds(refused) < 5.5


def test_a_long_request_ends_soon_after_the_host_does(connector, host):
    from relationalai_gnns import ConnectionError, GNNTable

    host.stall = 60.0
    threading.Timer(0.5, host.kill).start()

    def refused():
        with pytest.raises(ConnectionError):
            GNNTable(connector, "x.parquet", "X")

    assert seconds(refused) < 5


def test_a_long_request_may_take_its_time(connector, host, school):
    from relationalai_gnns import GNNTable

    connector.client.get("/v1/host")
    host.stall = 3.0
    thread = threading.Timer(3.5, lambda: setattr(host, "stall", 0.0))
    thread.start()
    assert GNNTable(connector, str(school / "students.parquet"), "S", primary_key="studentId").rows == 60
    thread.join()


def test_another_version_of_the_interface_is_refused(host):
    from relationalai_gnns import HostVersionError, LocalConnector

    host.api = "v2"
    with pytest.raises(HostVersionError, match='speaks interface "v2", this package "v1"'):
        LocalConnector(url=host.url, token=host.token)


def test_something_else_than_a_host(tmp_path):
    import http.server

    from relationalai_gnns import GNNError, LocalConnector

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.raises(GNNError, match="answers 404"):
        LocalConnector(url=f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "given,text",
    [
        ({"url": "localhost:80"}, "url: expected the address of a host with its scheme"),
        ({"url": "ftp://x"}, "url"),
        ({"endpoint_url": "x"}, "endpoint_url"),
        ({"port": 80}, "port: goes with url="),
        ({"url": "http://x", "port": 0}, "port: expected an integer of at least 1"),
        ({"url": "http://x", "endpoint_url": "http://x"}, "either url= or endpoint_url="),
        ({"connector_type": "excel"}, 'connector_type: expected one of "csv", "parquet", "duckdb"'),
        ({"token": "x"}, "token: goes with url="),
        ({"engine_name": "1 x"}, "engine_name"),
        ({"url": "http://127.0.0.1:1", "token": ""}, "token: expected a text"),
    ],
)
def test_arguments_of_the_connector_are_checked(given, text):
    from relationalai_gnns import LocalConnector, ValidationError

    with pytest.raises(ValidationError, match=text):
        LocalConnector(**given)


def test_the_published_form_and_headers(host):
    from relationalai_gnns import LocalConnector

    url, port = host.url.rsplit(":", 1)
    connector = LocalConnector(
        connector_type="parquet", url=url, port=int(port), headers={"Authorization": f"Bearer {host.token}", "X-Team": "a"}
    )
    assert connector.endpoint_url == host.url and connector.about["api"] == "v1"
    assert host.requests[-1][3]["X-Team"] == "a"
    assert LocalConnector(endpoint_url=host.url + "/", token=host.token).endpoint_url == host.url


def test_the_token_of_the_environment(host, monkeypatch):
    from relationalai_gnns import LocalConnector

    monkeypatch.setenv("RLE_TOKEN", host.token)
    LocalConnector(url=host.url)


def test_reads_are_sent_again(connector, host):
    host.lose_answers = 2
    assert connector.client.get("/v1/host")["api"] == "v1"
    assert len([r for r in host.requests if r[1] == "/v1/host"]) == 4  # the handshake, two that were lost, one that came through


def test_a_job_whose_answer_is_lost_is_made_once(objects, host):
    host.lose_answers = 0
    dataset, trainer = objects.dataset(), objects.trainer()
    host.lose_answers = 2
    job = trainer.fit(dataset)
    sent = [r for r in host.requests if r[1] == "/v1/jobs"]
    assert len(sent) == 3 and len(host.jobs) == 1 and job.job_id in host.jobs
    assert len({r[3]["Idempotency-Key"] for r in sent}) == 1
    trainer.fit(dataset)
    assert len(host.jobs) == 2


def test_a_write_without_a_key_is_not_sent_twice(connector, host):
    from relationalai_gnns import ConnectionError

    host.lose_answers = 1
    with pytest.raises(ConnectionError):
        connector.client.post("/v1/engines", {"name": "a", "size": "HIGHMEM_X64_S"})
    assert len([r for r in host.requests if r[1] == "/v1/engines"]) == 1


def test_connections_are_kept_and_a_closed_one_is_replaced(connector, host):
    connector.client.get("/v1/host")
    kept = connector.client._local.connection[1].sock
    connector.client.get("/v1/host")
    assert connector.client._local.connection[1].sock is kept
    kept.shutdown(socket.SHUT_RDWR)
    assert connector.client.get("/v1/host")["api"] == "v1"


def test_a_client_may_be_used_by_threads(connector):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(connector.client.get("/v1/host")["api"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["v1"] * 8


@pytest.mark.parametrize(
    "status,name,kind,builtin",
    [
        (422, "invalid-specification", "ValidationError", ValueError),
        (404, "not-found", "NotFoundError", KeyError),
        (409, "conflict", "ConflictError", ValueError),
        (501, "not-built", "NotBuiltError", NotImplementedError),
        (500, "internal", "InternalError", RuntimeError),
        (503, "busy", "BusyError", RuntimeError),
        (503, "io", "HostIOError", OSError),
        (403, "forbidden", "AccessError", PermissionError),
        (418, "", "InternalError", RuntimeError),
    ],
)
def test_problems_become_typed_errors_with_the_same_text(status, name, kind, builtin):
    import relationalai_gnns
    from relationalai_gnns.errors import from_problem

    problem = {
        "type": f"urn:gnn-rle:problem:{name}",
        "detail": "tables.x.source: there is no file",
        "field": "spec.tables.x.source",
        "advice": "Give another.",
    }
    error = from_problem(problem, status)
    assert type(error) is getattr(relationalai_gnns, kind) and isinstance(error, builtin) and isinstance(error, relationalai_gnns.GNNError)
    assert str(error) == "tables.x.source: there is no file\nGive another." and (error.field, error.problem) == (
        "spec.tables.x.source",
        problem,
    )


def test_errors_survive_pickling():
    import pickle

    from relationalai_gnns import AuthenticationError, HostIOError, JobIOError, NotFoundError

    for kind in (AuthenticationError, HostIOError, JobIOError, NotFoundError):
        copy = pickle.loads(pickle.dumps(kind("text", field="f", advice="Do.")))
        assert (str(copy), copy.field) == ("text\nDo.", "f")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=test",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]
    subprocess.run([*command, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    return folder


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl: https is not tested")
def test_https_with_a_certificate_that_is_trusted_or_not(host, certificate, objects):
    from relationalai_gnns import ConnectionError, LocalConnector

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    host.server.socket = context.wrap_socket(host.server.socket, server_side=True)
    url = host.url.replace("http:", "https:")
    objects.connector = LocalConnector(url=url, token=host.token, ca_file=str(certificate / "cert.pem"))
    objects.trainer().fit(objects.dataset()).wait()
    with pytest.raises(ConnectionError, match="certificate verify failed"):
        LocalConnector(url=url, token=host.token)


def test_a_stream_tells_a_wrong_token_as_such(connector, host):
    from relationalai_gnns import AuthenticationError, JobMonitor

    host.token = "rotated"
    with pytest.raises(AuthenticationError):
        list(connector.client.lines("/v1/jobs/x/events", {"from": 1}))
    with pytest.raises(AuthenticationError):
        JobMonitor(connector, "x").wait()
