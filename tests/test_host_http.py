"""The engine host over HTTP, as a client meets it: a real `rle serve`, a small database, bad clients."""
import http.client
import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import threading
import time
import uuid

import duckdb
import pyarrow.parquet as pq
import pytest
from host_process import SLOW, HostProcess, fit_predict_request, fit_request
from shop import Shop

LONG = {"n_epochs": 1000, "patience": None}  # trains until it is stopped


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return Shop(tmp_path_factory.mktemp("shop")).write()


@pytest.fixture(scope="module")
def host(rle_program, tmp_path_factory, shop):
    with HostProcess(rle_program, tmp_path_factory.mktemp("host") / "state") as running:
        yield running


def problem(answer, status, name):
    """The problem document of an answer, checked."""
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = answer.json
    assert document["type"] == f"urn:gnn-rle:problem:{name}" and document["status"] == status and document["title"] and document["detail"]
    return document


def test_what_needs_no_token(host):
    assert host.get("/healthz", token=None).json == {"status": "ok"}
    assert host.get("/readyz", token=None).status == 200
    assert host.get("/openapi.json", token=None).json["openapi"].startswith("3.1")
    head = host.ask("HEAD", "/healthz", token=None)
    assert head.status == 200 and head.body == b"" and head.headers["Content-Length"] == "15"


def test_all_else_needs_the_token(host):
    for path in ("/v1/jobs", "/v1/host", "/metrics", "/nowhere", "/v1/engines/default"):
        for token in (None, "wrong", host.token[:-1], host.token + "0", ""):
            answer = host.get(path, token=token)
            problem(answer, 401, "unauthorized")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert host.token not in answer.body.decode()
    assert host.get("/v1/host", headers={"Authorization": f"Basic {host.token}"}, token=None).status == 401
    assert host.get("/v1/host", headers={"Authorization": f"bearer {host.token}"}, token=None).status == 200
    assert host.post("/v1/jobs", {}, token="wrong").status == 401
    assert host.token not in host.log.read_text()


def test_state_is_for_its_owner_alone(host):
    mode = lambda path: stat.S_IMODE(path.stat().st_mode)
    assert mode(host.state) == 0o700
    assert mode(host.state / "token") == mode(host.state / "host.json") == 0o600


def test_host_and_metrics(host):
    about = host.get("/v1/host").json
    assert about["version"].startswith("0.") and about["version"] == host.about["version"]
    host.get("/v1/jobs/none")
    answer = host.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    text = answer.body.decode()
    assert 'rle_http_requests_total{route="/v1/jobs/{id}",method="GET",status="404"}' in text
    for line in text.splitlines():
        assert line.startswith("# ") or len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) >= 0, line
    for name in ("rle_jobs", "rle_engines", "rle_queue_seconds_total", "rle_seeds_per_second", "rle_resident_bytes", "rle_http_request_seconds_bucket"):
        assert name in text


def test_engines_live_and_go(host):
    assert "HIGHMEM_X64_S" in [size["name"] for size in host.get("/v1/sizes").json["sizes"]]
    made = host.post("/v1/engines", {"name": "Work_1", "size": "HIGHMEM_X64_S"})
    assert made.status == 201 and made.json["state"] == "READY" and made.headers["Location"] == "/v1/engines/Work_1"
    problem(host.post("/v1/engines", {"name": "WORK_1"}), 409, "conflict")
    assert host.get("/v1/engines/work_1").json["name"] == "Work_1"
    assert host.post("/v1/engines/Work_1/suspend").json["state"] == "SUSPENDED"
    assert [e["name"] for e in host.get("/v1/engines?state=SUSPENDED").json["engines"]] == ["Work_1"]
    assert host.post("/v1/engines/Work_1/resume").json["state"] == "READY"
    assert host.ask("DELETE", "/v1/engines/Work_1").status == 204
    problem(host.get("/v1/engines/Work_1"), 404, "not-found")
    problem(host.ask("DELETE", "/v1/engines/default"), 409, "conflict")


@pytest.mark.parametrize("name", ["", "1st", "a b", "a/b", "..", "ä", "x" * 65, "a\u0000b", "a;--", None, 7, ["a"]])
def test_odd_names_of_engines(host, name):
    answer = host.post("/v1/engines", {"name": name})
    assert answer.status in (400, 422) and answer.json["type"].endswith("invalid-request"), answer.body


def test_odd_requests_about_engines(host):
    assert "did you mean 'size'" in problem(host.post("/v1/engines", {"name": "a", "sise": "S"}), 422, "invalid-request")["detail"]
    problem(host.post("/v1/engines", {"name": "a", "size": "HUGE"}), 422, "invalid-request")
    problem(host.post("/v1/engines", {"name": "a", "settings": {"auto_suspend_mins": -1}}), 422, "invalid-request")
    problem(host.get("/v1/engines?state=ready"), 400, "invalid-request")
    problem(host.get("/v1/engines?stat=READY"), 400, "invalid-request")
    problem(host.get("/v1/engines/..%2f..%2fetc"), 404, "not-found")


def test_bad_json(host):
    assert "line 1, column 2" in problem(host.post("/v1/jobs", "{x}"), 400, "invalid-request")["detail"]
    for body in ("", "{", '{"a": 1, "a": 2}', "[" * 100_000, '{"kind": "fit"} x', b'{"kind": "\xff"}', "nul"):
        problem(host.post("/v1/jobs", body), 400, "invalid-request")
    for body in ("[]", "3", '"text"', '{"knd": "fit"}'):
        problem(host.post("/v1/jobs", body), 422, "invalid-request")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""):
        problem(host.post("/v1/jobs", "{}", headers={"Content-Type": kind}), 415, "unsupported-media-type")


def test_bad_jobs(host, shop, tmp_path):
    good = fit_predict_request(shop, tmp_path)
    for change, field in [({"kind": "train"}, "kind"), ({"spec": None}, "spec"), ({"spec": {}}, "spec"), ({"output": None}, "output"),
                          ({"options": {"batch_size": 0}}, "options.batch_size"), ({"options": {"overwite": True}}, "options.overwite"),
                          ({"output": {"kind": "files", "folder": str(tmp_path), "alias": "../x"}}, "output.alias"), ({"engine": 3}, "engine")]:
        answer = host.post("/v1/jobs", good | change)
        assert answer.status == 422, (change, answer.body)
        assert answer.json.get("field", "").startswith(field), (change, answer.body)
    assert host.post("/v1/jobs", good | {"engine": "nowhere"}).status in (404, 422)
    broken = fit_request(shop)
    broken["spec"]["config"]["n_epoch"] = 3
    document = host.post("/v1/jobs", broken).json
    assert document["status"] == 422 and "n_epochs" in document["detail"]
    assert host.get("/v1/jobs").json["jobs"] == []


def test_bad_http(host):
    auth = f"Authorization: Bearer {host.token}\r\n".encode()
    line = b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\n"
    assert host.raw(line + auth + b"\r\n")[0] == 200
    assert host.raw(b"\x16\x03\x01nonsense\r\n\r\n")[0] == 400
    assert host.raw(line + b"X: " + b"y" * 10_000 + b"\r\n\r\n")[0] == 431
    assert host.raw(b"GET /v1/jobs HTTP/1.1\r\n\r\n")[0] == 400
    assert host.raw(b"BREW /v1/jobs HTTP/1.1\r\nHost: x\r\n" + auth + b"\r\n")[0] == 405
    assert host.raw(b"GET /v1/../../etc/passwd HTTP/1.1\r\nHost: x\r\n" + auth + b"\r\n")[0] == 404
    answer = host.ask("PUT", "/v1/jobs")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    options = host.ask("OPTIONS", "/v1/jobs")
    assert options.status == 204 and options.headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    for query in ("limit=0", "limit=1001", "limit=x", "limit=", "state=queued", "kind=x", "limit=1&limit=2", "a=b", "state=%zz", "limit=%ff"):
        problem(host.get(f"/v1/jobs?{query}"), 400, "invalid-request")


def test_a_body_of_100_mb(host):
    answer = host.post("/v1/jobs", b" " * 100_000_000)
    problem(answer, 413, "too-large")
    head = f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {host.token}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    assert host.raw(head + chunk * 20)[0] == 413
    assert host.get("/healthz").status == 200


@pytest.mark.slow
def test_a_trickle_of_bytes_ends(host):
    started = time.monotonic()
    with socket.create_connection(host.address, timeout=60) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        connection.settimeout(1)
        got = b""
        while time.monotonic() - started < 60 and not got:
            try:
                connection.sendall(b"a: b\r\n")
                got = connection.recv(4096)
            except TimeoutError:
                pass
    assert b" 408 " in got and 25 < time.monotonic() - started < 40


def test_a_job_from_queue_to_predictions(host, shop, tmp_path):
    made = host.post("/v1/jobs", fit_predict_request(shop, tmp_path) | {"experiment_name": "first"})
    assert made.status == 201, made.body
    job = made.json
    uuid.UUID(job["id"])
    assert made.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert job["kind"] == "fit_predict" and job["engine"] == "default" and job["experiment_name"] == "first"
    events = host.events(job["id"], follow=True)
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    assert [e["state"] for e in events if e["type"] == "state"] == ["QUEUED", "RUNNING", "COMPLETED"]
    assert [e["epoch"] for e in events if e["type"] == "epoch"] == [1, 2]
    done = host.get(f"/v1/jobs/{job['id']}").json
    assert done["state"] == "COMPLETED" and done["error"] is None and done["model_run_id"] == job["id"], done
    table = pq.read_table(tmp_path / "PREDICTIONS_AGAIN.parquet")
    assert done["outputs"][0]["rows"] == table.num_rows == 40
    logs = host.get(f"/v1/jobs/{job['id']}/logs")
    assert logs.headers["Content-Type"].startswith("text/plain") and b"{" not in logs.body[:1]
    file = host.get(f"/v1/jobs/{job['id']}/predictions?format=csv")
    assert file.status == 200 and "attachment" in file.headers["Content-Disposition"]
    assert len(file.body.splitlines()) == 41
    (tmp_path / "copy.parquet").write_bytes(host.get(f"/v1/jobs/{job['id']}/predictions").body)
    assert pq.read_table(tmp_path / "copy.parquet").num_rows == 40
    problem(host.get(f"/v1/jobs/{job['id']}/predictions?format=xml"), 400, "invalid-request")
    problem(host.post(f"/v1/jobs/{job['id']}/cancel"), 409, "conflict")
    predict = fit_request(shop) | {"kind": "predict", "model": {"run_id": job["id"]},
                                   "output": {"kind": "duckdb", "database": str(tmp_path / "out.duckdb"), "alias": "later"}}
    later = host.post("/v1/jobs", predict).json
    assert host.job_in(later["id"], "COMPLETED", "FAILED")["state"] == "COMPLETED"
    with duckdb.connect(str(tmp_path / "out.duckdb"), read_only=True) as database:
        assert database.execute("SELECT count(*) FROM PREDICTIONS_LATER").fetchone() == (40,)
    assert [j["id"] for j in host.get("/v1/jobs?kind=predict").json["jobs"]] == [later["id"]]
    page = host.get("/v1/jobs?limit=1").json
    assert [j["id"] for j in page["jobs"]] == [later["id"]] and page["next"]
    assert job["id"] in [j["id"] for j in host.get(f"/v1/jobs?before={page['next']}").json["jobs"]]
    assert host.ask("DELETE", f"/v1/jobs/{later['id']}").status == 204
    problem(host.get(f"/v1/jobs/{later['id']}"), 404, "not-found")
    problem(host.get(f"/v1/jobs/{later['id']}/events"), 404, "not-found")


def test_events_as_a_stream_that_goes_on(host, shop):
    job = host.post("/v1/jobs", fit_request(shop)).json["id"]
    host.job_in(job, "COMPLETED")
    whole = host.events(job)
    answer = host.get(f"/v1/jobs/{job}/events", headers={"Accept": "text/event-stream"})
    assert answer.headers["Content-Type"] == "text/event-stream"
    blocks = answer.body.decode().strip().split("\n\n")
    assert [json.loads(b.split("\ndata: ")[1]) for b in blocks] == whole
    assert [int(b.split("\n")[0].removeprefix("id: ")) for b in blocks] == [e["seq"] for e in whole]
    assert host.events(job, start=4) == whole[3:]
    assert host.events(job, **{"Last-Event-ID": "4"}) == whole[4:]
    assert host.events(job, start=1, **{"Last-Event-ID": str(len(whole))}) == []
    assert host.events(job, start=10**6, follow=True) == []
    for query, headers in (("from=0", {}), ("from=x", {}), ("follow=yes", {}), ("", {"Last-Event-ID": "x"}), ("", {"Last-Event-ID": "-1"})):
        problem(host.get(f"/v1/jobs/{job}/events?{query}", headers=headers), 400, "invalid-request")


def test_a_running_job_is_followed_and_canceled(host, shop):
    job = host.post("/v1/jobs", fit_request(shop, **LONG)).json["id"]
    waiting = host.post("/v1/jobs", fit_request(shop)).json
    assert waiting["state"] == "QUEUED" and waiting["queue_position"] is not None
    told = []
    reader = threading.Thread(target=lambda: told.extend(host.events(job, follow=True)))
    reader.start()
    host.job_in(job, "RUNNING")
    host.wait_for(lambda: (host.get(f"/v1/jobs/{job}").json["progress"] or {}).get("epoch", 0) > 1, 60 * SLOW)
    problem(host.ask("DELETE", f"/v1/jobs/{job}"), 409, "conflict")
    assert host.post(f"/v1/jobs/{job}/cancel").json["cancel_requested"]
    assert host.post(f"/v1/jobs/{job}/cancel").status == 200
    assert host.job_in(job, "CANCELED", "COMPLETED", "FAILED")["state"] == "CANCELED"
    reader.join(20 * SLOW)
    assert told[-1]["state"] == "CANCELED" and [e["seq"] for e in told] == list(range(1, len(told) + 1))
    assert host.post(f"/v1/jobs/{waiting['id']}/cancel").status in (200, 409)
    host.job_in(waiting["id"], "CANCELED", "COMPLETED")


def test_the_same_request_twice_is_one_job(host, shop):
    request, key = fit_request(shop), {"Idempotency-Key": str(uuid.uuid4())}
    first, second = (host.post("/v1/jobs", request, headers=key) for _ in range(2))
    assert (first.status, second.status) == (201, 200) and first.json["id"] == second.json["id"]
    problem(host.post("/v1/jobs", fit_request(shop, n_epochs=1), headers=key), 409, "conflict")
    for bad in ("", "a b", "x" * 201, "ä"):
        problem(host.post("/v1/jobs", request, headers={"Idempotency-Key": bad.encode("latin-1")}), 400, "invalid-request")
    host.job_in(first.json["id"], "COMPLETED")


def test_describe_and_validate(host, shop):
    described = host.post("/v1/describe", {"source": str(shop.folder / "customers.parquet")})
    assert described.status == 200, described.body
    columns = {c["name"]: c["dtype"] for c in described.json["columns"]}
    assert set(columns) == {"id", "age", "city"} and described.json["rows"] == 40
    assert host.post("/v1/describe", {"source": str(shop.folder / "none.parquet")}).status == 422
    assert host.post("/v1/validate", fit_request(shop)).json["warnings"] == []
    request = fit_request(shop)
    request["spec"]["tables"]["orders"]["foreign_keys"] = {"customer": "clients.id"}
    answer = host.post("/v1/validate", request)
    assert answer.status == 422 and "clients" in answer.json["detail"], answer.body


def test_what_is_not_built_says_so(host, shop):
    problem(host.get("/v1/models"), 501, "not-built")
    problem(host.post("/v1/jobs/none/register", {"name": "x"}), 404, "not-found")
    problem(host.post("/v1/jobs/none/register", {}), 422, "invalid-request")


def test_paths_stay_inside_the_data_root(rle_program, shop, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    for file in shop.folder.glob("*.parquet"):
        (inside / file.name).write_bytes(file.read_bytes())
    (inside / "link.parquet").symlink_to(shop.folder / "customers.parquet")
    (inside / "out").symlink_to(tmp_path)
    with HostProcess(rle_program, tmp_path / "state", "--data-root", inside) as host:
        assert host.post("/v1/describe", {"source": str(inside / "customers.parquet")}).status == 200
        for source in (shop.folder / "customers.parquet", inside / "../../customers.parquet", inside / "link.parquet", "/etc/passwd",
                       "../inside/../secret.parquet"):
            answer = host.post("/v1/describe", {"source": str(source)})
            assert answer.status == 422, (source, answer.body)
        assert host.post("/v1/jobs", fit_request(shop)).status == 422
        request = fit_request(shop)
        request["spec"]["data"]["source"] = str(inside)
        for folder in (tmp_path, inside / "..", inside / "out", "/tmp"):
            output = {"kind": "files", "folder": str(folder), "alias": "x"}
            answer = host.post("/v1/jobs", request | {"kind": "fit_predict", "output": output})
            assert answer.status == 422, (folder, answer.body)
        assert host.get("/v1/jobs").json["jobs"] == []


def test_views_stay_inside_the_data_root(rle_program, shop, tmp_path):
    """A view of a database may name any file: what it reads is held to the data roots as well, in every child."""
    inside = tmp_path / "inside"
    inside.mkdir()
    for file in shop.folder.glob("*.parquet"):
        (inside / file.name).write_bytes(file.read_bytes())
    (inside / "near").symlink_to(inside)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{inside}/shop.duckdb' as d (storage_version 'v1.4.0')")
        connection.execute(f"create view d.customers as from read_parquet('{inside}/customers.parquet')")
        connection.execute(f"create view d.outside as from read_parquet('{shop.folder}/customers.parquet')")
        connection.execute("create view d.passwords as from read_text('/etc/passwd')")
    with HostProcess(rle_program, tmp_path / "state", "--data-root", inside) as host:
        assert host.post("/v1/describe", {"source": "shop.duckdb::customers"}).json["rows"] == 40
        for view in ("outside", "passwords"):
            answer = host.post("/v1/describe", {"source": f"shop.duckdb::{view}"})
            problem(answer, 422, "invalid-specification")
            assert "data roots" in answer.json["detail"] and "root:" not in answer.json["detail"]
        request = fit_predict_request(shop, inside / "near")
        request["spec"]["data"]["source"] = str(inside / "near")
        request["spec"]["tables"]["customers"]["source"] = str(inside / "shop.duckdb::outside")
        assert host.post("/v1/jobs", request).json["field"] == "spec.tables.customers"
        request["spec"]["tables"]["customers"]["source"] = str(inside / "shop.duckdb::customers")
        for output in (request["output"], {"kind": "duckdb", "database": "p.duckdb", "alias": "again"}):
            job = host.submit(request | {"output": output})
            assert host.job_in(job["id"], "COMPLETED", "FAILED")["state"] == "COMPLETED", host.get(f"/v1/jobs/{job['id']}").body
            assert len(host.get(f"/v1/jobs/{job['id']}/predictions?format=csv").body.splitlines()) == 41
        with duckdb.connect(str(inside / "p.duckdb")) as connection:
            connection.execute("drop table PREDICTIONS_AGAIN; create view PREDICTIONS_AGAIN as from read_text('/etc/passwd')")
        answer = host.get(f"/v1/jobs/{job['id']}/predictions?format=csv")
        assert answer.status >= 400 and b"root:" not in answer.body, answer.body


def test_a_second_host_is_refused(rle_program, host):
    second = subprocess.run([rle_program, "serve", "--state", host.state], capture_output=True, text=True, timeout=60 * SLOW, check=False)
    assert second.returncode != 0 and "another" in second.stderr, second.stderr
    assert host.get("/healthz").status == 200 and json.loads((host.state / "host.json").read_text()) == host.about


def test_killed_and_started_again(rle_program, shop, tmp_path):
    host = HostProcess(rle_program, tmp_path / "state").start()
    done = host.post("/v1/jobs", fit_request(shop), headers={"Idempotency-Key": "k"}).json["id"]
    before = host.job_in(done, "COMPLETED")
    running = host.post("/v1/jobs", fit_request(shop, **LONG)).json["id"]
    queued = host.post("/v1/jobs", fit_request(shop)).json["id"]
    host.job_in(running, "RUNNING")
    events = host.events(done)
    host.process.send_signal(signal.SIGKILL)
    host.process.wait()
    assert (host.state / "host.json").exists()
    with HostProcess(rle_program, host.state) as again:
        assert again.token == host.token
        assert again.get(f"/v1/jobs/{done}").json == before and again.events(done) == events
        assert again.post("/v1/jobs", fit_request(shop), headers={"Idempotency-Key": "k"}).json["id"] == done
        again.wait_for(lambda: again.get(f"/v1/jobs/{running}").json["attempt"] == 2, 60 * SLOW)
        assert again.get(f"/v1/jobs/{queued}").json["state"] == "QUEUED"
        again.post(f"/v1/jobs/{running}/cancel")
        again.job_in(running, "CANCELED")
        again.job_in(queued, "COMPLETED")
        seqs = [e["seq"] for e in again.events(running)]
        assert seqs == sorted(set(seqs))


def test_it_stops_when_told(rle_program, shop, tmp_path):
    host = HostProcess(rle_program, tmp_path / "state").start()
    running = host.post("/v1/jobs", fit_request(shop, **LONG)).json["id"]
    host.job_in(running, "RUNNING")
    cut_off = []

    def follow():
        try:
            host.events(running, follow=True)
        except http.client.IncompleteRead:
            cut_off.append(True)

    follower = threading.Thread(target=follow)
    follower.start()
    time.sleep(0.3)
    started = time.monotonic()
    assert host.stop() == 0 and time.monotonic() - started < 12 * SLOW
    follower.join(10)
    assert cut_off == [True]
    assert not (host.state / "host.json").exists()


def test_it_ends_by_itself_when_nobody_asks(rle_program, tmp_path):
    host = HostProcess(rle_program, tmp_path / "state", "--idle-minutes", "0.05").start()
    assert host.get("/healthz").status == 200
    assert host.process.wait(20 * SLOW) == 0


def test_public_addresses_want_more(rle_program, tmp_path):
    def refused(*args):
        result = subprocess.run([rle_program, "serve", "--state", tmp_path / "s", *args], capture_output=True, text=True, timeout=60 * SLOW, check=False)
        assert result.returncode == 2, result.stderr
        return result.stderr

    assert "--insecure-public" in refused("--listen", "0.0.0.0:0")
    assert "--insecure-public" in refused("--listen", "[::]:0")
    assert "belong together" in refused("--tls-key", "k.pem")
    assert "no address" in refused("--listen", "nowhere.example:80")
    assert "HOST:PORT" in refused("--listen", "127.0.0.1")
    assert "no such folder" in refused("--data-root", "/nowhere")
    assert not (tmp_path / "s" / "host.json").exists()
    with HostProcess(rle_program, tmp_path / "s", "--listen", "0.0.0.0:0", "--insecure-public") as host:
        assert host.get("/healthz").status == 200


def test_tls(rle_program, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "1", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    with HostProcess(rle_program, tmp_path / "state", "--tls-certificate", certificate, "--tls-key", key) as host:
        assert host.about["url"].startswith("https://")
        context = ssl.create_default_context(cafile=certificate)
        with socket.create_connection(host.address) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b'{"status":"ok"}' in connection.recv(4096)
        jobs = subprocess.run([rle_program, "jobs", "--state", host.state, "--certificate", certificate, "--json"], capture_output=True, text=True, check=False)
        assert jobs.returncode == 0 and json.loads(jobs.stdout)["jobs"] == [], jobs.stderr
        untrusted = subprocess.run([rle_program, "jobs", "--state", host.state], capture_output=True, text=True, check=False)
        assert untrusted.returncode == 1 and "TLS" in untrusted.stderr


def test_the_log_is_json_lines(host):
    host.get("/v1/jobs/nothing?x=secret")
    host.wait_for(lambda: "/v1/jobs/nothing" in host.log.read_text())
    assert "secret" not in host.log.read_text()
    lines = [json.loads(line) for line in host.log.read_text().splitlines()]
    last = [line for line in lines if line["message"] == "request"][-1]
    assert {"time", "severity", "method", "path", "route", "status", "ms", "bytes", "peer"} <= last.keys()


def test_many_followers_at_once(host, shop):
    job = host.post("/v1/jobs", fit_request(shop, **LONG)).json["id"]
    host.job_in(job, "RUNNING")
    request = f"GET /v1/jobs/{job}/events?follow=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {host.token}\r\n\r\n".encode()
    followers = [socket.create_connection(host.address, timeout=30 * SLOW) for _ in range(200)]
    for follower in followers:
        follower.sendall(request)
    threads = len(os.listdir(f"/proc/{host.process.pid}/task"))
    assert threads < 40
    assert host.get("/v1/host").status == 200
    host.post(f"/v1/jobs/{job}/cancel")
    for follower in followers:
        got = b""
        while not got.endswith(b"0\r\n\r\n") and (more := follower.recv(65536)):
            got += more
        assert b'"CANCELED"' in got and got.endswith(b"0\r\n\r\n")
        follower.close()
