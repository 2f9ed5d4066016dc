"""What the operator costs and how fast it is, on a sandbox of its own: reaction, memory, writes at rest, graceful stop.

    python bench/control_plane.py [--json] [--rest-seconds 120]

Everything is as shipped (a tick of 10 s); the writes are the API server's own count.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "e2e"))

from operating import Load, OperatorProcess, Service, llmservice  # noqa: E402

from rorqual_sandbox.handle import Sandbox  # noqa: E402
from rorqual_sandbox.options import Options  # noqa: E402

TICK_SECONDS = 10.0
NAMESPACE = "bench"
WRITE = re.compile(r'apiserver_request_total\{.*[,{]resource="([^"]*)".*verb="(POST|PUT|PATCH|APPLY|DELETE)".*\} (\S+)')


def until(probe: Callable[[], object], seconds: float = 180) -> float:
    """Seconds until `probe` is true."""
    begun = time.monotonic()
    while not probe():
        if time.monotonic() - begun > seconds:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.05)
    return time.monotonic() - begun


def resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found.group(1)) / 1024 if found else 0.0


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def writes(sandbox: Sandbox) -> Counter[str]:
    """Writes by resource that the API server has counted so far, whoever sent them."""
    found: Counter[str] = Counter()
    for resource, _, number in WRITE.findall(sandbox.kubectl("get", "--raw", "/metrics").stdout):
        found[resource] += int(float(number))
    return found


def written_during(sandbox: Sandbox, seconds: float) -> Counter[str]:
    before = writes(sandbox)
    time.sleep(seconds)
    return writes(sandbox) - before


def reaction(service: Service) -> float:
    """Seconds from the first request of a load step to more replicas being asked for."""
    with Load(service, at_once=12):
        seconds = until(lambda: service.deployment()["spec"]["replicas"] > 1)
    return seconds


def measure(sandbox: Sandbox, folder: Path, rest_seconds: float) -> dict[str, Any]:
    sandbox.kubectl("apply", "-f", str(ROOT / "crds"))
    sandbox.kubectl("create", "namespace", NAMESPACE)
    service = Service(sandbox, NAMESPACE)
    without = written_during(sandbox, rest_seconds / 2)

    operator = OperatorProcess(sandbox, NAMESPACE, folder / "operator.log", tick_seconds=str(TICK_SECONDS))
    try:
        until(lambda: operator.leading)
        sandbox.apply(llmservice(NAMESPACE))
        to_ready = until(lambda: service.holds("Ready"))
        until(lambda: service.holds("MetricsAvailable"))
        time.sleep(3 * TICK_SECONDS)
        busy = cpu_seconds(operator.process.pid)
        at_rest = written_during(sandbox, rest_seconds)
        busy = (cpu_seconds(operator.process.pid) - busy) / rest_seconds
        resident = resident_mib(operator.process.pid)
        seconds = reaction(service)
        begun = time.monotonic()
        status = operator.stop()
        stop = time.monotonic() - begun
    finally:
        operator.stop()
    return {
        "ready_s": round(to_ready, 1),
        "reaction_s": round(seconds, 1),
        "reaction_ticks": round(seconds / TICK_SECONDS, 2),
        "resident_mib": round(resident, 1),
        "cpu_at_rest_percent": round(100 * busy, 2),
        "rest_s": rest_seconds,
        "writes_at_rest": dict(at_rest),
        "writes_without_operator": {key: 2 * number for key, number in without.items()},
        "graceful_stop_s": round(stop, 2),
        "exit_status": status,
    }


def commit() -> str:
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rest-seconds", type=float, default=120, help="length of the rest that is watched [120]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox.up("bench", root=Path(folder), options=Options(load_seconds=3))
        try:
            found = measure(sandbox, Path(folder), options.rest_seconds)
        finally:
            sandbox.down()
    found |= {"date": datetime.now(UTC).strftime("%Y-%m-%d"), "commit": commit(), "python": platform.python_version(),
              "rorqual": version("rorqual"), "tick_s": TICK_SECONDS}  # fmt: skip
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:26} {value}")


if __name__ == "__main__":
    main()
