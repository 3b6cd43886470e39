"""A real `rle serve` for tests: started on a state folder of its own, asked over HTTP."""
import http.client
import json
import os
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

SLOW = 10 if os.environ.get("RLE_SANITIZER") else 1  # the host is built with it
FINAL = ("COMPLETED", "FAILED", "CANCELED")


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body)


class HostProcess:
    """`with HostProcess(rle_program, folder) as host:`; stopped at the end, and killed where that takes too long."""

    def __init__(self, program, state, *args, env=None):
        self.program, self.state, self.args = program, state, list(map(str, args))
        self.env = {**os.environ, **(env or {})}
        self.process = None
        self.log = state.parent / f"{state.name}.log"

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.program, "serve", "--state", str(self.state), *self.args], stdout=subprocess.DEVNULL, stderr=log,
                                            env=self.env, cwd=self.state.parent)
        self.about = self.wait_for(self._host_json, 30 * SLOW)
        self.token = self.seen(self.state / "token").read_text().strip()
        address = urlsplit(self.about["url"])
        self.address = (address.hostname, address.port)
        return self

    def seen(self, path):
        """Where this process finds a file of the host's."""
        return Path(path)

    def _host_json(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            about = json.loads(self.seen(self.state / "host.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return about if about["pid"] == self.process.pid else None

    def stop(self, sig=signal.SIGTERM):
        """Its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            return self.process.wait(15 * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def kill(self):
        self.process.kill()
        self.process.wait()

    def children(self):
        """Process ids of the jobs that run now."""
        try:
            tasks = [task / "children" for task in Path(f"/proc/{self.process.pid}/task").iterdir()]
            return [int(pid) for task in tasks for pid in task.read_text().split()]
        except FileNotFoundError:
            return []

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @staticmethod
    def wait_for(condition, seconds=60):
        """What the condition gives, once it gives something."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (found := condition()) not in (None, False):
                return found
            time.sleep(0.05)
        raise AssertionError("it did not happen in time")

    def connection(self, timeout=60):
        return http.client.HTTPConnection(*self.address, timeout=timeout * SLOW)

    def ask(self, method, path, body=None, headers=None, token=True):
        connection = self.connection()
        sent = {"Authorization": f"Bearer {self.token}"} if token is True else ({"Authorization": f"Bearer {token}"} if token else {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection.request(method, path, body, {**sent, **(headers or {})})
        response = connection.getresponse()
        answer = Answer(response, response.read())
        connection.close()
        return answer

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.ask("POST", path, body, **more)

    def submit(self, request, key=None):
        """The job; the same key never makes two."""
        answer = self.post("/v1/jobs", request, headers={"Idempotency-Key": key or str(uuid.uuid4())})
        assert answer.status in (200, 201), answer.body
        return answer.json

    def raw(self, data, wait=10):
        """The status of the answer to bytes, and all of it; 0 where the connection was closed."""
        with socket.create_connection(self.address, timeout=wait * SLOW) as connection:
            try:
                connection.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass
            got = b""
            try:
                while b"\r\n\r\n" not in got and (more := connection.recv(65536)):
                    got += more
            except ConnectionResetError:
                pass
        return (int(got.split(b" ")[1]) if got else 0), got

    def events(self, job, start=1, follow=False, **headers):
        """The events as a list (JSON lines)."""
        answer = self.get(f"/v1/jobs/{job}/events?from={start}&follow={str(follow).lower()}", headers=headers)
        assert answer.status == 200, answer.body
        return [json.loads(line) for line in answer.body.splitlines() if line]

    def job_in(self, job, *states, seconds=120):
        """The job, once it is in one of the states."""

        def found():
            told = self.get(f"/v1/jobs/{job}").json
            return told if told["state"] in states else None

        return self.wait_for(found, seconds * SLOW)


def fit_request(shop, **config):
    """A fit of the little shop; its sources absolute."""
    spec = json.loads(json.dumps(shop.spec))
    spec.pop("output", None)
    spec["data"] = {"source": str(shop.folder)}
    spec["config"] |= config
    return {"kind": "fit", "spec": spec}


def fit_predict_request(shop, folder, alias="again", **config):
    request = fit_request(shop, **config)
    return request | {"kind": "fit_predict", "output": {"kind": "files", "folder": str(folder), "extension": "parquet", "alias": alias}}
