"""A host as docs/host.md describes it, small enough for tests of the Python package, with faults on demand.

It reads sources with DuckDB, "runs" jobs at once in a thread, and writes predictions that depend on the options of the
request. Faults: `lose_answers` (requests are carried out, their connection is cut), `stall` (no answer), `cut_streams`
(event streams end early), `hold` (jobs stay RUNNING until it is cleared).
"""

import contextlib
import json
import socket
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

SIZES = [
    {"name": n, "threads": 0, "memory": None, "device": d}
    for n, d in (("HIGHMEM_X64_S", "cpu"), ("HIGHMEM_X64_M", "cpu"), ("GPU_NV_S", "cuda"))
]
FINAL = ("COMPLETED", "FAILED", "CANCELED")


class Refused(Exception):
    def __init__(self, status, name, detail, **more):
        self.status = status
        self.problem = {"type": f"urn:gnn-rle:problem:{name}", "title": name, "status": status, "detail": detail, **more}


def read(source):
    path, _, table = source.partition("::")
    if table:
        with duckdb.connect(path, read_only=True) as db:
            return db.sql(f"SELECT * FROM {table}").to_arrow_table()
    with duckdb.connect() as db:
        return db.sql("SELECT * FROM read_csv(?)" if ".csv" in path else "SELECT * FROM read_parquet(?)", params=[path]).to_arrow_table()


def infer(column):
    kind, values = column.type, [v for v in column.to_pylist() if v is not None]
    if not values:
        return None, "no value"
    if pa.types.is_boolean(kind):
        return "category", "boolean"
    if pa.types.is_integer(kind):
        return "integer", "integer"
    if pa.types.is_floating(kind):
        return "float", "float"
    if pa.types.is_temporal(kind):
        return "datetime", "time"
    if pa.types.is_list(kind):
        return ("embedding" if pa.types.is_floating(kind.value_type) else "multi_categorical"), "list"
    return ("category" if len(set(values)) <= 10 and len(values) >= 2 * len(set(values)) else "text"), f"{len(set(values))} distinct"


class FakeHost:
    """Start with `with FakeHost(folder) as host:`; host.url, host.token, host.requests (method, path, body, headers)."""

    def __init__(self, folder, token="secret"):
        self.folder, self.token, self.api = Path(folder), token, "v1"
        self.jobs, self.engines, self.by_key, self.requests = {}, {}, {}, []
        self.lose_answers = self.cut_streams = 0
        self.stall, self.hold = 0.0, threading.Event()
        self.fail_next, self.epochs = None, 3
        self.changed = threading.Condition()
        self.connections = set()
        self.add_engine("default", "HIGHMEM_X64_S")

    def __enter__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *ignored):
        self.hold.clear()
        self.server.shutdown()
        self.server.server_close()

    def kill(self):
        """Ends as a process does that is killed: the port is closed, connections are cut."""
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    # -- engines ------------------------------------------------------------------------------------------------------

    def add_engine(self, name, size, settings=None):
        self.engines[name.lower()] = {
            "name": name,
            "id": str(uuid.uuid4()),
            "size": size,
            "state": "READY",
            "created_by": "me",
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
            "settings": settings or {"auto_suspend_mins": 15},
        }
        return self.engines[name.lower()]

    def engine(self, name):
        if name.lower() not in self.engines:
            raise Refused(404, "not-found", f'there is no engine "{name}"', advice="GET /v1/engines lists them.")
        return self.engines[name.lower()]

    # -- jobs ---------------------------------------------------------------------------------------------------------

    def create_job(self, body, key):
        if key in self.by_key:
            known, job = self.by_key[key]
            if known != body:
                raise Refused(409, "conflict", "the same key came with another request")
            return 200, job
        self.check(body)
        job = {
            "id": str(uuid.uuid4()),
            "kind": body["kind"],
            "engine": body["engine"],
            "state": "QUEUED",
            "attempt": 0,
            "created_at": "2026-01-02T03:04:05.678Z",
            "started_at": None,
            "finished_at": None,
            "experiment_name": body.get("experiment_name"),
            "model_run_id": None,
            "device": None,
            "progress": None,
            "warnings": [],
            "result": None,
            "outputs": [],
            "error": None,
            "cancel_requested": False,
            "queue_position": 1,
        }
        if body["spec"].get("config", {}).get("device") == "cuda":
            job["warnings"].append("device cuda was asked for, this engine has cpu: the job runs there")
        self.jobs[job["id"]] = {"job": job, "request": body, "events": []}
        if key:
            self.by_key[key] = (body, job)
        threading.Thread(target=self.run, args=(job["id"], self.fail_next), daemon=True).start()
        self.fail_next = None
        return 201, job

    def check(self, body):
        task = body["spec"]["task"]
        for split in {"fit": ("train", "validation"), "predict": ("test",), "fit_predict": ("train", "validation", "test")}[body["kind"]]:
            if split not in task:
                raise Refused(422, "invalid-specification", f"task.{split} is missing", field=f"spec.task.{split}")
        if self.engine(body["engine"])["state"] == "SUSPENDED":
            raise Refused(409, "conflict", f'engine "{body["engine"]}" is suspended', advice="Resume it first.")
        if body["kind"] == "predict" and not self.has_model(body["model"]["run_id"]):
            raise Refused(
                422, "invalid-request", f"model.run_id: there is no trained model of a job {body['model']['run_id']}", field="model.run_id"
            )
        if "output" not in body or body["options"]["overwrite"]:
            return
        for _, _, path in self.outputs(body):
            if path.exists():
                raise Refused(
                    409, "conflict", f"{path} exists already", field="output.alias", advice="Take another alias, or overwrite it."
                )

    def has_model(self, run_id):
        job = self.jobs.get(run_id, {"job": {"state": None}})["job"]
        return job["state"] == "COMPLETED" and job["kind"] != "predict"

    def outputs(self, body):
        """(role, name in the database or None, file) of each output."""
        column = body["spec"]["task"].get("entity_column") or body["spec"]["task"]["entity"].split(".")[-1]
        yield "predictions", *self.output(body, "PREDICTIONS")
        if body["options"]["extract_embeddings"]:
            yield "embeddings", *self.output(body, f"EMBEDDINGS_{column.upper()}")

    @staticmethod
    def output(body, prefix):
        out = body["output"]
        name = f"{prefix}_{out['alias'].upper()}"
        if out["kind"] == "files":
            return None, Path(out["folder"]) / f"{name}.{out['extension']}"
        return f"{out['schema']}.{name}", Path(f"{out['database']}.{name}.parquet")  # beside the database: enough for a fake

    def event(self, record, kind, **more):
        with self.changed:
            record["events"].append({"seq": len(record["events"]) + 1, "attempt": 1, "time": "2026-01-02T03:04:05Z", "type": kind, **more})
            self.changed.notify_all()

    def become(self, record, state):
        with self.changed:
            record["job"]["state"] = state
        self.event(record, "state", state=state)

    def run(self, job_id, failure):
        record = self.jobs[job_id]
        job, body = record["job"], record["request"]
        self.event(record, "state", state="QUEUED")
        self.become(record, "RUNNING")
        self.event(record, "log", severity="INFO", text="reading tables")
        if body["kind"] != "predict":
            for epoch in range(1, self.epochs + 1):
                for step in (1, 2):
                    job["progress"] = {
                        "epoch": epoch,
                        "epochs": self.epochs,
                        "step": step,
                        "steps": 2,
                        "loss": 1 / epoch,
                        "metric": "roc_auc",
                        "validation": None,
                    }
                    self.event(
                        record,
                        "progress",
                        epoch=epoch,
                        epochs=self.epochs,
                        step=step,
                        steps=2,
                        loss=1 / epoch,
                        seeds_per_second=10,
                        seconds_left=1,
                    )
                self.event(
                    record,
                    "epoch",
                    epoch=epoch,
                    epochs=self.epochs,
                    loss=1 / epoch,
                    lr=0.1,
                    seconds=0.1,
                    seeds_per_second=10,
                    validation={"roc_auc": 0.5 + epoch / 10},
                    best=True,
                )
        endless = body["spec"].get("config", {}).get("n_epochs", 10) >= 1000
        while self.hold.is_set() or endless:
            if job["cancel_requested"]:
                return self.become(record, "CANCELED")
            time.sleep(0.01)
        if failure is not None:
            job["error"] = {"type": f"urn:gnn-rle:problem:{failure}", "title": failure, "status": 500, "detail": f"it failed by {failure}"}
            return self.become(record, "FAILED")
        return self.complete(record)

    def complete(self, record):
        job, body = record["job"], record["request"]
        job["result"] = {
            "best_epoch": self.epochs,
            "epochs": self.epochs,
            "seconds": 1.5,
            "metric": body["spec"]["task"]["metric"],
            "validation_metrics": {body["spec"]["task"]["metric"]: 0.8},
            "validation_baselines": [{"name": "global mean", "labels": "train", "metrics": {body["spec"]["task"]["metric"]: 0.5}}],
            "parameters": 1000,
        }
        job["model_run_id"] = body["model"]["run_id"] if body["kind"] == "predict" else job["id"]
        if "output" in body:
            task = body["spec"]["task"]
            record["tables"] = {"predictions": self.predict(body), "embeddings": self.embed(task)}
            for role, name, path in self.outputs(body):
                path.parent.mkdir(parents=True, exist_ok=True)
                pq.write_table(record["tables"][role], path)
                more = {"entity_table": task["entity"].split(".")[0]} if role == "embeddings" else {}
                kind, rows = body["output"].get("extension", "duckdb"), record["tables"][role].num_rows
                job["outputs"].append({"role": role, "kind": kind, "path": str(path), "table": name, "rows": rows, **more})
            if body["options"]["compute_test_metrics"]:
                job["result"]["test_metrics"] = {body["spec"]["task"]["metric"]: 0.7}
            rows = record["tables"]["predictions"].num_rows
            self.event(record, "scored", done=rows, rows=rows)
        self.become(record, "COMPLETED")

    @staticmethod
    def predict(body):
        task = body["spec"]["task"]
        table = read(task["test"])
        n = table.num_rows
        if "target_entity" in task:
            return predict_links(task, table, body["output"].get("flatten", False))
        if task["type"] == "multiclass_classification":
            if body["output"].get("flatten"):
                return table.append_column("prob_a", pa.array([0.25] * n)).append_column("prob_b", pa.array([0.75] * n))
            return table.append_column("predicted_probs", pa.array([[0.25, 0.75]] * n))
        if task["type"] == "regression":
            return table.append_column("predicted_value", pa.array([1.0] * n))
        return table.append_column("predicted_label", pa.array([1] * n)).append_column("predicted_prob", pa.array([0.9] * n))

    @staticmethod
    def embed(task):
        table = read(task["test"])
        return table.select([task.get("entity_column") or task["entity"].split(".")[-1]]).append_column(
            "embedding", pa.array([[0.5, -0.5]] * table.num_rows, pa.list_(pa.float32()))
        )

    def record(self, job_id):
        if job_id not in self.jobs:
            raise Refused(404, "not-found", f'there is no job "{job_id}"')
        return self.jobs[job_id]

    def cancel(self, job_id):
        job = self.record(job_id)["job"]
        if job["state"] in ("COMPLETED", "FAILED"):
            raise Refused(409, "conflict", f"job {job_id} is {job['state']}: it can't be canceled")
        job["cancel_requested"] = True
        until = time.monotonic() + 2
        while job["state"] not in FINAL and time.monotonic() < until:
            time.sleep(0.01)
        return job


def handler_of(host):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *ignored):
            pass

        def setup(self):
            super().setup()
            host.connections.add(self.connection)

        def handle(self):
            with contextlib.suppress(ConnectionError):
                super().handle()

        def do_GET(self):
            self.handle_request()

        do_POST = do_DELETE = do_GET

        def handle_request(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            parts = urlsplit(self.path)
            query = {k: v[0] for k, v in parse_qs(parts.query).items()}
            names = [unquote(p) for p in parts.path.strip("/").split("/")]
            host.requests.append((self.command, parts.path, body, dict(self.headers)))
            if host.stall and names != ["healthz"]:
                time.sleep(host.stall)
            try:
                self.route(names, query, body)
            except Refused as refused:
                self.answer(refused.status, refused.problem)

        def answer(self, status, value, kind="application/json"):
            if host.lose_answers > 0:
                host.lose_answers -= 1
                self.close_connection = True
                return
            data = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind if status < 400 else "application/problem+json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def route(self, names, query, body):
            if names == ["healthz"]:
                return self.answer(200, {"status": "ok"})
            if host.token is not None and self.headers.get("Authorization") != f"Bearer {host.token}":
                raise Refused(401, "unauthorized", "the token is missing or wrong")
            what, rest = names[1] if len(names) > 1 else "", names[2:]
            if what == "host":
                return self.answer(200, {"version": "0.0", "api": host.api})
            if what == "sizes":
                return self.answer(200, {"sizes": SIZES})
            if what == "describe":
                return self.answer(200, describe(body["source"]))
            if what == "engines":
                return self.engines(rest, query, body)
            if what == "jobs":
                return self.jobs(rest, query, body)
            raise Refused(404, "not-found", f"there is no route {self.path}")

        def engines(self, rest, query, body):
            if not rest and self.command == "GET":
                return self.answer(200, {"engines": [e for e in host.engines.values() if query.get("state") in (None, e["state"])]})
            if not rest:
                if body["name"].lower() in host.engines:
                    raise Refused(409, "conflict", f'engine "{body["name"]}" exists already', field="name")
                return self.answer(201, host.add_engine(body["name"], body["size"], body.get("settings")))
            engine = host.engine(rest[0])
            if len(rest) == 2:
                engine["state"] = {"resume": "READY", "suspend": "SUSPENDED"}[rest[1]]
            elif self.command == "DELETE":
                if engine["name"] == "default":
                    raise Refused(409, "conflict", 'the engine "default" can\'t be deleted')
                del host.engines[rest[0].lower()]
                return self.answer(204, None)
            return self.answer(200, engine)

        def jobs(self, rest, query, body):
            if not rest and self.command == "POST":
                return self.answer(*host.create_job(body, self.headers.get("Idempotency-Key")))
            if not rest:
                found = [r["job"] for r in reversed(host.jobs.values()) if query.get("state") in (None, r["job"]["state"])]
                return self.answer(200, {"jobs": found[: int(query["limit"])], "next": None})
            record = host.record(rest[0])
            if rest[1:] == ["cancel"]:
                return self.answer(200, host.cancel(rest[0]))
            if rest[1:] == ["request"]:
                return self.answer(200, record["request"])
            if rest[1:] == ["events"]:
                return self.stream(record, int(query.get("from", 1)), query.get("follow") == "true")
            if rest[1:] in (["predictions"], ["embeddings"]):
                table = record["request"]["spec"]["task"]["entity"].split(".")[0]
                if query.get("table", table) not in (table, "studentId"):
                    raise Refused(422, "invalid-request", f"table: there are none of '{query['table']}'", field="table")
                sink = pa.BufferOutputStream()
                pq.write_table(record["tables"][rest[1]], sink)
                return self.answer(200, sink.getvalue().to_pybytes(), "application/vnd.apache.parquet")
            return self.answer(200, record["job"])

        def stream(self, record, start, follow):
            self.send_response(200)
            self.send_header("Content-Type", "application/jsonl")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            sent = 0
            self.chunk(b"\n")
            while True:
                with host.changed:
                    events = record["events"][start - 1 :]
                    final = record["job"]["state"] in FINAL
                    if not events and follow and not final:
                        host.changed.wait(0.05)
                        continue
                for event in events:
                    if host.cut_streams > 0 and sent == 2:
                        host.cut_streams -= 1
                        self.close_connection = True
                        return
                    self.chunk(json.dumps(event).encode() + b"\n")
                    start, sent = event["seq"] + 1, sent + 1
                if (final or not follow) and not record["events"][start - 1 :]:
                    break
            self.wfile.write(b"0\r\n\r\n")

        def chunk(self, data):
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    return Handler


def predict_links(task, table, flatten):
    """Two links to the first targets for each row."""
    name, k = task["target_entity"].partition(".")[2], min(2, task["eval_at_k"])
    if flatten:
        rows = pa.array([i for i in range(table.num_rows) for _ in range(k)])
        pairs = {f"predicted_{name}": list(range(k)), "rank": [i + 1 for i in range(k)], "score": [1.0 - i / k for i in range(k)]}
        out = table.take(rows)
        for column, values in pairs.items():
            out = out.append_column(column, pa.array(values * table.num_rows))
        return out
    out = table.append_column(f"predicted_{name}", pa.array([list(range(k))] * table.num_rows))
    return out.append_column("predicted_scores", pa.array([[1.0 - i / k for i in range(k)]] * table.num_rows))


def describe(source):
    try:
        table = read(source)
    except (duckdb.Error, OSError) as error:
        raise Refused(422, "invalid-request", f"{source} can't be read: {str(error).splitlines()[0]}", field="source") from None
    columns = [
        {"name": n, "type": str(table.schema.field(n).type), **dict(zip(("dtype", "reason"), infer(table[n])))} for n in table.column_names
    ]
    return {"source": source, "columns": columns, "rows": table.num_rows}
