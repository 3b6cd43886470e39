"""A real `rle serve` in a state folder of its own, and what tests ask of it over HTTP."""
import http.client
import json
import os
import signal
import subprocess
import time
import uuid
from pathlib import Path

FINAL = ("COMPLETED", "FAILED", "CANCELED")


class Host:
    """Starts, kills and restarts a host; requests go to whatever address it has now."""

    def __init__(self, program, state, *options, environment=None):
        self.program, self.state, self.options = program, Path(state), [str(o) for o in options]
        self.environment = {**os.environ, **(environment or {})}
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.stop()

    def start(self):
        (self.state / "host.json").unlink(missing_ok=True)
        self.log = open(f"{self.state}.log", "ab")
        self.process = subprocess.Popen([self.program, "serve", "--state", self.state, "--listen", "127.0.0.1:0", *self.options],
                                        stdout=self.log, stderr=self.log, env=self.environment)
        until = time.monotonic() + 30
        while not (self.state / "host.json").exists():
            assert self.process.poll() is None, f"the host ended: {Path(f'{self.state}.log').read_text()[-2000:]}"
            assert time.monotonic() < until, "the host does not start"
            time.sleep(0.01)
        return self

    def stop(self, seconds=15):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=seconds)
        self.log.close()
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    @property
    def address(self):
        return json.loads((self.state / "host.json").read_text())["url"].removeprefix("http://")

    @property
    def token(self):
        return (self.state / "token").read_text().strip()

    def send(self, method, path, body=None, *, key=None, token=None, timeout=30, headers=None):
        """(status, the answer: JSON where it is, else text)."""
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        try:
            sent = {"Authorization": f"Bearer {token or self.token}", **(headers or {})}
            if body is not None:
                sent["Content-Type"] = "application/json"
                body = body if isinstance(body, (bytes, str)) else json.dumps(body)
            if key:
                sent["Idempotency-Key"] = key
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if answer.headers.get_content_type().endswith(("/json", "+json")) and content else content.decode()
        finally:
            connection.close()

    def get(self, path):
        status, answer = self.send("GET", path)
        assert status == 200, (status, answer)
        return answer

    def submit(self, request, key=None):
        """The job; the same key never makes two."""
        status, answer = self.send("POST", "/v1/jobs", request, key=key or str(uuid.uuid4()))
        assert status in (200, 201), answer
        return answer

    def wait(self, job_id, seconds=60, states=FINAL):
        until = time.monotonic() + seconds
        while True:
            job = self.get(f"/v1/jobs/{job_id}")
            if job["state"] in states:
                return job
            assert time.monotonic() < until, job
            time.sleep(0.02)

    def jobs(self):
        """All jobs, oldest first."""
        jobs, before = [], ""
        while True:
            page = self.get(f"/v1/jobs?limit=1000{before and '&before=' + before}")
            jobs += page["jobs"]
            if not page["next"]:
                return jobs[::-1]
            before = page["next"]

    def children(self):
        """Process ids of the jobs that run now."""
        try:
            return [int(p) for p in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()] or [
                int(p) for task in Path(f"/proc/{self.process.pid}/task").iterdir() for p in (task / "children").read_text().split()]
        except FileNotFoundError:
            return []


def absolute(spec, folder):
    """The specification with absolute sources, as the SDK sends it."""
    spec = json.loads(json.dumps(spec))
    for table in spec["tables"].values():
        table["source"] = str(Path(folder) / table["source"])
    for split in ("train", "validation", "test"):
        if split in spec.get("task", {}):
            spec["task"][split] = str(Path(folder) / spec["task"][split])
    spec.pop("output", None)
    return spec
