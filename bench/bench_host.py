#!/usr/bin/env python3
"""Load on an engine host: clients that poll one job once a second while it trains. Prints one line a figure; exits 1 where a target is missed.

    python3 bench/bench_host.py --build build/release [--clients 200] [--seconds 60] [--turns 6]

Targets: no error, p99 of the latency below 50 ms, training slowed by less than 10 %. Latency is from the request's first byte to the answer's last, on
connections that are kept; clients are one event loop in a process of its own, whose CPU time is told too. The training's speed is that of its epochs (median of
seeds a second), in turns without clients and with them, so that what else the machine does falls on both.
"""
import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from host_process import HostProcess, fit_request  # noqa: E402
from shop import Shop, tables  # noqa: E402

MOST_P99_MS, MOST_SLOWER = 50, 0.10


async def poll(address, request, until, offset, latencies, errors):
    await asyncio.sleep(offset)
    reader = writer = None
    while time.monotonic() < until:
        started = time.perf_counter()
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection(*address)
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            if not head.startswith(b"HTTP/1.1 200"):
                errors.append(head.split(b"\r\n")[0].decode())
            latencies.append(time.perf_counter() - started)
        except (OSError, IndexError, asyncio.IncompleteReadError) as error:
            errors.append(repr(error))
            writer = None
        await asyncio.sleep(max(0.0, 1 - (time.perf_counter() - started)))
    if writer:
        writer.close()


def clients(address, request, count, seconds, result):
    latencies, errors = [], []

    async def all_of_them():
        until = time.monotonic() + seconds
        await asyncio.gather(*(poll(address, request, until, i / count, latencies, errors) for i in range(count)))

    begun = time.process_time()
    asyncio.run(all_of_them())
    result.send({"latencies": latencies, "errors": errors, "cpu": time.process_time() - begun})


def cpu_seconds(pid):
    """CPU time of a process, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def speeds(host, job, after_seq):
    """Seeds a second of the epochs told after an event, but the first, which began before."""
    return [e["seeds_per_second"] for e in host.events(job, start=after_seq + 1) if e["type"] == "epoch"][1:]


def last_seq(host, job):
    return host.events(job)[-1]["seq"]


def run_clients(host, request, count, seconds, told):
    receive, send = multiprocessing.Pipe(False)
    process = multiprocessing.Process(target=clients, args=(host.address, request, count, seconds, send))
    process.start()
    for name, value in receive.recv().items():
        told[name] += value
    process.join()


def measure(program, folder, count, seconds, turns):
    shop = Shop(folder)
    shop.tables = tables(customers=2000, orders=20000)
    shop.write()
    with HostProcess(program, folder / "state") as host:
        config = {"n_epochs": 100_000, "patience": None, "channels": 32, "checkpoint_every_seconds": 0}
        job = host.post("/v1/jobs", fit_request(shop, **config)).json["id"]
        host.wait_for(lambda: any(e["type"] == "epoch" for e in host.events(job)), 120)
        request = f"GET /v1/jobs/{job} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {host.token}\r\n\r\n".encode()
        told, alone, loaded, host_cpu = {"latencies": [], "errors": [], "cpu": 0.0}, [], [], 0.0
        for _ in range(turns):
            seq = last_seq(host, job)
            time.sleep(seconds / turns)
            alone += speeds(host, job, seq)
            seq, cpu = last_seq(host, job), cpu_seconds(host.process.pid)
            run_clients(host, request, count, seconds / turns, told)
            host_cpu += cpu_seconds(host.process.pid) - cpu
            loaded += speeds(host, job, seq)
        state = host.get(f"/v1/jobs/{job}").json["state"]
        host.post(f"/v1/jobs/{job}/cancel")
    latencies = sorted(1000 * x for x in told["latencies"])
    return {"clients": count, "seconds": seconds, "requests": len(latencies), "errors": len(told["errors"]), "first_errors": told["errors"][:3],
            "p50_ms": latencies[len(latencies) // 2], "p99_ms": latencies[int(len(latencies) * 0.99)], "max_ms": latencies[-1],
            "clients_cpu_percent": 100 * told["cpu"] / seconds, "host_cpu_percent": 100 * host_cpu / seconds, "state": state,
            "seeds_per_second_alone": statistics.median(alone), "seeds_per_second_loaded": statistics.median(loaded), "epochs": len(alone) + len(loaded),
            "slower": 1 - statistics.median(loaded) / statistics.median(alone)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--turns", type=int, default=6)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(args.build.resolve() / "rle", Path(folder), args.clients, args.seconds, args.turns)
    for name, value in figures.items():
        print(f"{name:24} {json.dumps(round(value, 3) if isinstance(value, float) else value)}")
    missed = [text for text, bad in (("errors", figures["errors"]), (f"p99 >= {MOST_P99_MS} ms", figures["p99_ms"] >= MOST_P99_MS),
                                     (f"training slower by >= {MOST_SLOWER:.0%}", figures["slower"] >= MOST_SLOWER)) if bad]
    print("bench-host: " + ("missed: " + ", ".join(missed) if missed else "all targets met"))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
