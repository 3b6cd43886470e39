"""Programs that take turns: each loads and warms up, then runs one pass whenever it is told to, on CPUs of its own choice.

They speak one JSON object a line: "loaded", "ready", a "pass" for each line they are sent, "summary" when their input ends.
"""
import json
import os
import statistics
import subprocess
import sys

BUSY = 0.1  # CPUs that other processes kept busy during a pass, above which it is marked


def cpus():
    """Those this process may use."""
    return sorted(os.sched_getaffinity(0))


def cpu_value(name):
    """The first value of that name in /proc/cpuinfo."""
    with open("/proc/cpuinfo") as f:
        return next((line.split(":", 1)[1].strip() for line in f if line.split(":")[0].strip() == name), "")


def kernel_flags():
    """The CPU's flags that kernels could use."""
    return [f for f in cpu_value("flags").split() if f in ("avx2", "fma", "f16c") or f.startswith(("avx512", "amx"))]


class Side:
    """One program, loaded and warmed up when the constructor returns."""

    def __init__(self, name, command, on_cpus, environment=None):
        self.name, self.passes = name, []
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **(environment or {})}, preexec_fn=lambda: os.sched_setaffinity(0, on_cpus))
        self.loaded = self.read("loaded")
        self.read("ready")

    def read(self, event):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended with exit code {self.process.wait()} where '{event}' was expected")
        message = json.loads(line)
        if message["event"] != event:
            sys.exit(f"{self.name} said '{message['event']}' where '{event}' was expected")
        return message

    def run_pass(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.passes.append(self.read("pass"))

    def finish(self):
        """Ends the program; returns its summary."""
        self.process.stdin.close()
        self.summary = self.read("summary")
        self.process.wait()
        return self.summary

    @property
    def seeds_s(self):
        return statistics.median(p["seeds_s"] for p in self.passes)

    @property
    def others(self):
        return max(p["others"] for p in self.passes)


def take_turns(sides, passes):
    """Every side's passes, one of each after the other; then their summaries."""
    for _ in range(passes):
        for side in sides:
            side.run_pass()
    return [side.finish() for side in sides]
