"""Many short jobs over several engines of one host, and what the host's process holds before and after.

    python tests/soak.py --program build/release/rle [--jobs 10000] [--engines 4]      (make soak)
"""
import argparse
import json
import tempfile
import time
from pathlib import Path

from host_process import FINAL, HostProcess, fit_request


class Soak:
    def __init__(self, host, request, engines):
        self.host, self.request, self.engines = host, request, [f"soak{i}" for i in range(engines)]
        for name in self.engines:
            answer = host.post("/v1/engines", {"name": name})
            assert answer.status == 201, answer.body

    def held(self):
        """(resident bytes, open file descriptors, zombie children) of the host."""
        pid = self.host.process.pid
        status = Path(f"/proc/{pid}/status").read_text()
        resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) * 1024
        zombies = 0
        for child in self.host.children():
            try:
                zombies += Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
            except (FileNotFoundError, ProcessLookupError):
                pass
        return resident, len(list(Path(f"/proc/{pid}/fd").iterdir())), zombies

    def run(self, jobs, warm, at_once=40):
        """Submits jobs, at most `at_once` unfinished; figures after the first `warm` and at the end."""
        figures, waiting, submitted, done = {"jobs": jobs}, [], 0, {"COMPLETED": 0, "FAILED": 0, "CANCELED": 0}
        started = time.monotonic()
        while sum(done.values()) < jobs:
            while submitted < jobs and len(waiting) < at_once:
                waiting.append(self.host.submit({**self.request, "engine": self.engines[submitted % len(self.engines)]})["id"])
                submitted += 1
            still = []
            for job in waiting:
                state = self.host.get(f"/v1/jobs/{job}").json["state"]
                if state in FINAL:
                    done[state] += 1
                else:
                    still.append(job)
            waiting = still
            if sum(done.values()) >= warm and "resident_warm" not in figures:
                figures["resident_warm"], figures["descriptors_warm"], _ = self.held()
            time.sleep(0.02)
        time.sleep(0.5)
        figures["resident_end"], figures["descriptors_end"], figures["zombies"] = self.held()
        return figures | {"completed": done["COMPLETED"], "failed": done["FAILED"] + done["CANCELED"], "seconds": round(time.monotonic() - started, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--engines", type=int, default=4)
    arguments = parser.parse_args()
    from shop import Shop
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        shop.spec["config"] |= {"n_epochs": 1, "max_iters": 1, "threads": 1}
        shop.write()
        with HostProcess(arguments.program.resolve(), Path(folder) / "state") as host:
            soak = Soak(host, fit_request(shop), arguments.engines)
            figures = soak.run(arguments.jobs, warm=min(1000, arguments.jobs // 5))
    growth = figures["resident_end"] / figures["resident_warm"] - 1
    print(json.dumps(figures | {"resident_growth": round(growth, 4)}, indent=1))
    clean = figures["completed"] == arguments.jobs and growth < 0.2 and figures["zombies"] == 0
    return 0 if clean and figures["descriptors_end"] <= figures["descriptors_warm"] + 2 else 1


if __name__ == "__main__":
    raise SystemExit(main())
