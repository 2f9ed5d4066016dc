"""Records what vLLM engines on this machine's GPU tell while known things happen to them.

    PYTHONPATH=engine:operator:e2e/sandbox:bench python bench/gpu/incidents.py --out FILE.jsonl.xz [--cycles 3]

vLLM has to be installed beside torch. Fifteen engines share one GPU: eight services of one or two replicas, each with a
load of its own with bursts. In turns of 85 s: two services have a replica frozen (SIGSTOP to all of it) or stuck (to
the process with the model alone, so that it still answers), in two a replica gets 15 % of its time, in one a replica is
killed and started again, one has twelve times its load, one has a small KV cache and a load only then, and one is left
alone. At the end two processes that multiply matrices take the GPU from all of them. The first line tells the services,
the others a moment each: what a kubelet would tell of each replica, its metrics as it shows them, the GPU by NVML,
and what is being done. `bench/diagnosis_recorded.py FILE` has the operator judge it.
"""

import argparse
import asyncio
import contextlib
import json
import lzma
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pynvml  # type: ignore[import-untyped]
from curves import device
from engines import Vllm, wait_healthy, write_model
from models import SMALL

from rorqual_engine.catalog import vllm_metrics as names

TICK_SECONDS = 2.0
PROBE_SECONDS, PROBE_TIMEOUT_SECONDS, PROBE_FAILURES = 5.0, 5.0, 3
"""Readiness, as in the pods that Rorqual makes."""
BASELINE_SECONDS = 45.0
TURN_SECONDS = 85.0
HOG_SECONDS = 60.0
BURST, BURST_EVERY_SECONDS = 3.0, 30.0
STARVED_SHARE, STARVE_TURN_SECONDS = 0.15, 0.2
FLAGS = (
    *("--dtype", "bfloat16", "--max-model-len", "1024", "--gpu-memory-utilization", "0.05"),
    *("--kv-cache-memory-bytes", "1073741824", "--max-num-batched-tokens", "2048"),
    "--compilation-config",
    '{"mode":0,"cudagraph_mode":"FULL_DECODE_ONLY","cudagraph_capture_sizes":[1,2,4,8,16]}',
)
HOG = """
import time, torch
a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
end = time.time() + float({seconds})
while time.time() < end:
    for _ in range(20):
        a @ a
    torch.cuda.synchronize()
"""
KEPT = tuple(
    f"{name}{end}{{"
    for table, ends in ((names.GAUGES, ("",)), (names.COUNTERS, ("",)), (names.HISTOGRAMS, ("_bucket",)))
    for candidates in (*table.values(), (names.CACHE_CONFIG,))
    for name in candidates
    for end in ends
)
"""How the lines that Rorqual reads begin."""


@dataclass(frozen=True, slots=True)
class Group:
    """One service, and what happens to its first replica in each turn."""

    name: str
    replicas: int
    faults: tuple[str, ...]
    """In turn; none of one that is left alone."""
    seconds: float = 40.0
    """That each takes."""
    rate: float = 1.5
    """Requests a second and replica."""
    input_tokens: int = 64
    output_tokens: int = 64
    sequences: int = 16
    flags: tuple[str, ...] = ()
    restless: float = 1.0
    """Times its load while its fault is on; 0 elsewhere for one that thrashes."""


GROUPS = (
    Group("freeze-a", 2, ("freeze", "stuck")),
    Group("freeze-b", 2, ("stuck", "freeze")),
    Group("starve-a", 2, ("starve",), 50.0),
    Group("starve-b", 2, ("starve",), 50.0),
    Group("kill", 2, ("kill",), 1.0),
    Group("overload", 2, ("overload",), 45.0, sequences=4, restless=15.0),
    Group("thrash", 1, ("thrash",), 45.0, 3.0, 64, 600, flags=("--num-gpu-blocks-override", "65")),
    Group("clean", 2, ()),
)


@dataclass(slots=True)
class Replica:
    """An engine, and what a kubelet would tell of it."""

    engine: Vllm
    ready: bool = True
    ready_since: float | None = None
    lost_at: float | None = None
    failures: int = 0


@dataclass(slots=True)
class Recording:
    """All of it, as it goes on."""

    groups: Sequence[Group]
    replicas: dict[str, list[Replica]]
    doing: dict[str, str] = field(default_factory=dict)
    """By service: what is being done to it."""
    lines: list[str] = field(default_factory=list)
    over: bool = False


def engines_of(groups: Iterable[Group], folder: Path, port: int) -> dict[str, list[Replica]]:
    model, found = write_model(folder / "model", SMALL), {}
    for group in groups:
        found[group.name] = []
        for number in range(group.replicas):
            name = f"{group.name}-{number}"
            flags = (*FLAGS, "--max-num-seqs", str(group.sequences), *group.flags)
            cache = {"VLLM_CACHE_ROOT": str(folder / name), "TRITON_CACHE_DIR": str(folder / name / "triton")}
            found[group.name].append(Replica(Vllm(name, model, port, flags, folder / f"{name}.log", cache)))
            port += 1
    return found


async def load(recording: Recording, group: Group, session: aiohttp.ClientSession) -> None:
    """Poisson arrivals with bursts, to the ready replicas in turn, until it is over."""
    draw, began, number = random.Random(group.name), time.monotonic(), 0
    under_way: set[asyncio.Task[None]] = set()
    while not recording.over:
        burst = (time.monotonic() - began) % BURST_EVERY_SECONDS < BURST_EVERY_SECONDS / 6
        doing = recording.doing.get(group.name)
        rate = group.rate * group.replicas * (BURST if burst else 1.0)
        if group.faults == ("thrash",):
            rate = group.rate if doing else 0.05
        elif doing == "overload":
            rate *= group.restless
        await asyncio.sleep(min(20.0, draw.expovariate(rate)))
        ready = [one for one in recording.replicas[group.name] if one.ready]
        if ready and not recording.over:
            number += 1
            task = asyncio.create_task(ask(session, ready[number % len(ready)].engine, group, draw))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
    for task in under_way:
        task.cancel()


async def ask(session: aiohttp.ClientSession, engine: Vllm, group: Group, draw: random.Random) -> None:
    body = {
        "model": "model",
        "prompt": [draw.randrange(10, 250) for _ in range(group.input_tokens)],
        "max_tokens": group.output_tokens,
        "ignore_eos": True,
    }
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):  # what happens to an engine happens to its clients
        async with session.post(f"{engine.url}/v1/completions", json=body) as answer:
            await answer.read()


async def probe(recording: Recording, replica: Replica, session: aiohttp.ClientSession) -> None:
    """Readiness, as a kubelet finds it."""
    timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT_SECONDS)
    while not recording.over:
        began = time.monotonic()
        try:
            async with session.get(f"{replica.engine.url}/health", timeout=timeout) as answer:
                well = answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            well = False
        replica.failures = 0 if well else replica.failures + 1
        if well and not replica.ready:
            replica.ready, replica.ready_since, replica.lost_at = True, time.time(), None
        elif replica.failures >= PROBE_FAILURES and replica.ready:
            unready(replica)
        await asyncio.sleep(max(0.0, began + PROBE_SECONDS - time.monotonic()))


def unready(replica: Replica) -> None:
    replica.ready, replica.ready_since, replica.lost_at = False, None, time.time()


async def faults(recording: Recording, group: Group, cycles: int) -> None:
    """In each turn the next of its faults, to its first replica."""
    replica = recording.replicas[group.name][0]
    for turn in range(cycles):
        kind = group.faults[turn % len(group.faults)]
        recording.doing[group.name] = kind
        async with happening(replica, kind):
            await asyncio.sleep(group.seconds)
        recording.doing.pop(group.name)
        await asyncio.sleep(TURN_SECONDS - group.seconds)


@contextlib.asynccontextmanager
async def happening(replica: Replica, kind: str) -> AsyncIterator[None]:
    engine = replica.engine
    if kind == "kill":
        engine.stop()
        unready(replica)
        replica.lost_at = None
        engine.restart()
        yield
        return
    starving = asyncio.create_task(starve(engine)) if kind == "starve" else None
    if kind in ("freeze", "stuck"):
        engine.signal(signal.SIGSTOP, core_only=kind == "stuck")
    try:
        yield
    finally:
        if starving:
            starving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starving
        engine.signal(signal.SIGCONT)


async def starve(engine: Vllm) -> None:
    while True:
        engine.signal(signal.SIGSTOP)
        await asyncio.sleep((1 - STARVED_SHARE) * STARVE_TURN_SECONDS)
        engine.signal(signal.SIGCONT)
        await asyncio.sleep(STARVED_SHARE * STARVE_TURN_SECONDS)


async def metrics(replica: Replica, session: aiohttp.ClientSession) -> str | None:
    """The lines that Rorqual reads; None where it does not answer."""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with session.get(f"{replica.engine.url}/metrics", timeout=aiohttp.ClientTimeout(total=1.5)) as answer:
            text = await answer.text()
        return "\n".join(line for line in text.splitlines() if line.startswith(KEPT))
    return None


def gpu() -> dict[str, float | None]:
    """By NVML, which dcgm-exporter reads too."""
    handle, found = pynvml.nvmlDeviceGetHandleByIndex(0), {}
    for name, read in {
        "clock_mhz": lambda: pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM),
        "temperature_celsius": lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU),
        "busy_percent": lambda: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu,
        "power_watts": lambda: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000,
        "throttle_reasons": lambda: pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle),
        "double_bit_errors": lambda: pynvml.nvmlDeviceGetTotalEccErrors(
            handle, pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC
        ),
    }.items():
        try:
            found[name] = read()
        except pynvml.NVMLError:
            found[name] = None
    return found


async def record(recording: Recording, session: aiohttp.ClientSession) -> None:
    """A line each tick."""
    every = [replica for replicas in recording.replicas.values() for replica in replicas]
    while not recording.over:
        began, at = time.monotonic(), time.time()
        texts = await asyncio.gather(*(metrics(one, session) for one in every))
        told = {one.engine.name: standing(one) | {"metrics": text} for one, text in zip(every, texts, strict=True)}
        line = {"at": at, "doing": dict(recording.doing), "gpu": gpu(), "replicas": told}
        recording.lines.append(json.dumps(line))
        await asyncio.sleep(max(0.0, began + TICK_SECONDS - time.monotonic()))


def standing(replica: Replica) -> dict[str, Any]:
    engine = replica.engine
    return {
        "ready": replica.ready,
        "ready_since": replica.ready_since,
        "lost_at": replica.lost_at,
        "created_at": engine.created_at,
        "restarts": engine.restarts,
        "last_restart_at": engine.last_restart_at,
    }


async def hog(recording: Recording, seconds: float) -> None:
    """Takes the GPU from all of them."""
    code = HOG.format(seconds=seconds)
    running = [await asyncio.create_subprocess_exec(sys.executable, "-c", code) for _ in range(2)]
    recording.doing["all"] = "hog"
    try:
        await asyncio.gather(*(one.wait() for one in running))
    finally:
        for one in running:
            if one.returncode is None:
                one.kill()
        recording.doing.pop("all")


async def run(recording: Recording, cycles: int, hog_seconds: float) -> None:
    """Supervised: what fails ends all of it."""
    connector, timeout = aiohttp.TCPConnector(limit=0, force_close=True), aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, asyncio.TaskGroup() as tasks:
        for group in recording.groups:
            tasks.create_task(load(recording, group, session))
            for replica in recording.replicas[group.name]:
                tasks.create_task(probe(recording, replica, session))
        tasks.create_task(record(recording, session))
        await asyncio.sleep(BASELINE_SECONDS)
        async with asyncio.TaskGroup() as happenings:
            for group in recording.groups:
                if group.faults:
                    happenings.create_task(faults(recording, group, cycles))
        if hog_seconds:
            await hog(recording, hog_seconds)
        recording.over = True


def save(recording: Recording, out: Path) -> None:
    head = {"device": device(), "tick_seconds": TICK_SECONDS, "groups": [asdict(group) for group in recording.groups]}
    with lzma.open(out, "wt", preset=6) as written:
        written.write("\n".join([json.dumps(head), *recording.lines]) + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cycles", type=int, default=3, help="turns of faults")
    parser.add_argument("--hog-seconds", type=float, default=HOG_SECONDS)
    parser.add_argument("--port", type=int, default=8400)
    parser.add_argument("--groups", default="", help="names, separated by commas [all]")
    parser.add_argument("--start-seconds", type=float, default=200.0, help="that the engines may take to start")
    asked = parser.parse_args(arguments)
    groups = [group for group in GROUPS if not asked.groups or group.name in asked.groups.split(",")]
    pynvml.nvmlInit()
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording(groups, engines_of(groups, Path(folder), asked.port))
        every = [one for replicas in recording.replicas.values() for one in replicas]
        try:
            for one in every:
                one.engine.start()
            wait_healthy([one.engine for one in every], asked.start_seconds)
            for one in every:
                one.ready_since = time.time()
            print(f"{len(every)} engines are ready", flush=True)
            asyncio.run(run(recording, asked.cycles, asked.hog_seconds))
        finally:
            for one in every:
                one.engine.stop()
            if recording.lines:
                save(recording, asked.out)
    print(f"{len(recording.lines)} moments", flush=True)


if __name__ == "__main__":
    main()
