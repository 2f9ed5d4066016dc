"""Real faults of real vLLM: what happens to an engine in the sandbox, and what the operator calls it.

    python bench/diagnosis_vllm.py [--runs 10] [--faults freeze,starve,kill,thrash] [--clean 10] [--json]

Two replicas of vLLM on the CPU with a tiny model (`rorqual sandbox up --engine vllm`), a light open load with bursts,
the operator with ticks of 2 s and windows of 20 s. freeze stops one engine for 40 s (SIGSTOP), stuck its process with
the model alone for 60 s, starve leaves it --share of its time for 60 s, kill ends it (SIGKILL). A run is right when the
first anomaly that is told is Fault with that pod alone in the evidence. thrash is another service whose KV cache holds
a fourth of what its sequences need: right is Misconfigured, whatever comes before it. A clean run is a minute of that
load in which nothing happens.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "e2e"))

from operating import OperatorProcess, Service, established, llmservice  # noqa: E402

from rorqual_sandbox.handle import Sandbox  # noqa: E402
from rorqual_sandbox.inject import Fault, inject  # noqa: E402
from rorqual_sandbox.options import Engine, Options  # noqa: E402

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
RATE = 3.0
"""Requests a second, of both replicas."""
BURST = 3.0
"""Times as many, for a sixth of the time."""
BURST_EVERY_SECONDS = 30.0
TOKENS = 80
FAULT_SECONDS = {"freeze": 40.0, "stuck": 60.0, "starve": 60.0, "kill": 1.0}
TOLD_WITHIN_SECONDS = 90.0
CLEAN_SECONDS = 60.0
ANOMALIES = ("Fault", "Overload", "Misconfigured", "Drift")
OPTIONS = {
    "tick_seconds": "2",
    "metrics_window_seconds": "20",
    "lease_duration_seconds": "60",  # engines that fill both cores leave the API server little
    "lease_renew_seconds": "10",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One run."""

    kind: str
    verdict: str
    reason: str
    pods: tuple[str, ...]
    seconds: float | None
    right: bool


class OpenLoad:
    """Poisson arrivals with bursts to the ready pods in turn, in a thread of its own."""

    def __init__(self, service: Service, rate: float, tokens: int) -> None:
        self._service, self._rate, self._tokens = service, rate, tokens
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> "OpenLoad":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=60)

    async def _run(self) -> None:
        random, began, number = np.random.default_rng(1), time.monotonic(), 0
        addresses: list[str] = []
        looked = 0.0
        under_way: set[asyncio.Task[None]] = set()
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
            while not self._over.is_set():
                now = time.monotonic()
                if now - looked > 5:
                    pods = await asyncio.to_thread(self._service.ready_pods)
                    addresses, looked = [pod["status"]["podIP"] for pod in pods], now
                busy = (now - began) % BURST_EVERY_SECONDS < BURST_EVERY_SECONDS / 6
                await asyncio.sleep(random.exponential(1 / (self._rate * (BURST if busy else 1.0))))
                if addresses:
                    number += 1
                    task = asyncio.create_task(self._ask(session, addresses[number % len(addresses)]))
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _ask(self, session: aiohttp.ClientSession, address: str) -> None:
        body = {"model": MODEL, "prompt": "tell me " * 8, "max_tokens": self._tokens, "ignore_eos": True}
        try:
            async with session.post(f"http://{address}:8000/v1/completions", json=body) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            pass  # what happens to the engine happens to its clients


def wait_for(probe: Callable[[], object], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if probe():
            return True
        time.sleep(0.5)
    return False


def health(service: Service) -> dict[str, object]:
    found: dict[str, object] = service.status.get("health") or {}
    return found


def quiet(service: Service) -> bool:
    return service.status.get("readyReplicas") == 2 and health(service).get("verdict") in ("Healthy", "Idle")


def watch(service: Service, seconds: float) -> tuple[dict[str, object] | None, float | None]:
    """The first anomaly that is told, and when."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        seen = health(service)
        if seen.get("verdict") in ANOMALIES:
            return seen, time.monotonic() - began
        time.sleep(0.5)
    return None, None


def told(kind: str, service: Service, seen: dict[str, object] | None, after: float | None, pod: str | None) -> Told:
    if seen is None:
        return Told(kind, "none", "", (), None, kind == "clean")
    evidence: list[dict[str, str]] = seen["evidence"]  # type: ignore[assignment]
    pods = tuple(sorted({one["pod"] for one in evidence if one.get("pod")}))
    reason = service.condition("AnomalyDetected")["reason"]
    expected = "Misconfigured" if kind == "thrash" else "Fault"
    right = kind != "clean" and seen["verdict"] == expected and pods == ((pod,) if pod else ())
    return Told(kind, str(seen["verdict"]), str(reason), pods, after, right)


def one_fault(sandbox: Sandbox, service: Service, kind: str, share: float) -> Told:
    pod = service.ready_pods()[0]["metadata"]["name"]
    injected = threading.Thread(
        target=inject, args=(sandbox, service.namespace, pod, Fault(kind), FAULT_SECONDS[kind], share), daemon=True
    )
    injected.start()
    seen, after = watch(service, TOLD_WITHIN_SECONDS)
    found = told(kind, service, seen, after, pod)
    injected.join()
    if kind == "kill":
        sandbox.kubectl("delete", "pod", pod, "-n", service.namespace, "--wait=false")
    return found


def measure(sandbox: Sandbox, asked: argparse.Namespace, log: Path) -> list[Told]:
    sandbox.kubectl("apply", "-f", str(ROOT / "crds"))
    wait_for(lambda: established(sandbox, "crd/llmservices.rorqual.io"), 60)
    sandbox.kubectl("create", "namespace", "llm")
    wait_for(lambda: sandbox.kubectl("get", "llm", "-A", check=False).returncode == 0, 30)
    operator = OperatorProcess(sandbox, "llm", log, **OPTIONS)
    found: list[Told] = []
    try:
        kinds = [kind for kind in asked.faults.split(",") if kind != "thrash"]
        if kinds or asked.clean:
            found += of_pair(sandbox, kinds, asked)
        if "thrash" in asked.faults:
            found += [thrash(sandbox) for _ in range(asked.runs)]
        if operator.process.poll() is not None:
            raise SystemExit(
                f"the operator ended by itself, so what came after tells nothing; its log:\n{operator.text()}"
            )
    finally:
        operator.stop()
    return found


def of_pair(sandbox: Sandbox, kinds: Sequence[str], asked: argparse.Namespace) -> list[Told]:
    """Faults in turn, and clean runs, on the same two replicas."""
    service = Service(sandbox, "llm")
    sandbox.apply(
        llmservice(
            "llm",
            configuration={"maxConcurrentSequences": 16},
            objectives={"ttft": {"p95": "10s"}, "tpot": {"p95": "1s"}},
            workload={"inputTokens": 64, "outputTokens": TOKENS},
            scaling={"minReplicas": 2, "maxReplicas": 2},
        )
    )
    found: list[Told] = []
    with OpenLoad(service, RATE, TOKENS):
        for kind in [*["clean"] * asked.clean, *[kind for _ in range(asked.runs) for kind in kinds]]:
            if not wait_for(lambda: quiet(service), 400):
                print(f"never quiet again: {health(service)}", file=sys.stderr)
                break
            time.sleep(20)
            one = told(kind, service, *watch(service, CLEAN_SECONDS), None) if kind == "clean" else one_fault(
                sandbox, service, kind, asked.share
            )  # fmt: skip
            print(one, file=sys.stderr)
            found.append(one)
    sandbox.kubectl("delete", "llm", "chat", "-n", "llm")
    wait_for(lambda: not service.pods(), 120)
    return found


def thrash(sandbox: Sandbox) -> Told:
    """A service with a small cache."""
    service = Service(sandbox, "llm", "small")
    sandbox.apply(
        llmservice(
            "llm",
            "small",
            configuration={"maxConcurrentSequences": 16},
            workload={"inputTokens": 64, "outputTokens": 600},
            scaling={"minReplicas": 1, "maxReplicas": 1},
            engine={"extraArgs": ["--num-gpu-blocks-override=20"]},
        )
    )
    wait_for(lambda: service.status.get("readyReplicas") == 1, 300)
    with OpenLoad(service, 2.0, 600):
        began, seen, after = time.monotonic(), None, None
        while time.monotonic() - began < TOLD_WITHIN_SECONDS and after is None:
            seen, _ = watch(service, 5)
            if seen is not None and seen["verdict"] in ("Misconfigured", "Fault"):
                after = time.monotonic() - began
        found = told("thrash", service, seen, after, None)
    print(found, file=sys.stderr)
    sandbox.kubectl("delete", "llm", "small", "-n", "llm")
    wait_for(lambda: not service.pods(), 120)
    return found


def show(found: Sequence[Told]) -> None:
    print(f"{'what happened':16}{'runs':>6}{'right':>7}{'median delay':>14}  called")
    for kind in dict.fromkeys(one.kind for one in found):
        runs = [one for one in found if one.kind == kind]
        delays = [one.seconds for one in runs if one.seconds is not None]
        delay = f"{np.median(delays):.0f} s" if delays else "-"
        called = dict(Counter(f"{one.verdict} {one.reason}".strip() for one in runs))
        print(f"{kind:16}{len(runs):6}{sum(one.right for one in runs):7}{delay:>14}  {called}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10, help="of each fault")
    parser.add_argument("--faults", default="freeze,stuck,starve,kill,thrash")
    parser.add_argument("--share", type=float, default=0.15, help="of the CPU that starve leaves")
    parser.add_argument("--clean", type=int, default=10, help="runs in which nothing happens")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "operator.log"
        options = Options(engine=Engine.VLLM, scrape_interval_seconds=2)
        sandbox = Sandbox.up(f"diagnosis-{os.getpid()}", options=options)
        try:
            found = measure(sandbox, asked, log)
        finally:
            sandbox.down()
            if log.exists():
                print(log.read_text()[-3000:], file=sys.stderr)
    if asked.json:
        rows = [{name: getattr(one, name) for name in Told.__slots__} for one in found]
        print(json.dumps(rows, indent=1))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
