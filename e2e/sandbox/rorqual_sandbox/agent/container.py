"""One run of a container: from its start to the end of its process, with the probes in between."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorqual_sandbox import process
from rorqual_sandbox.agent.probes import Checker, Counter, Probe, parse_probe
from rorqual_sandbox.clock import Clock


@dataclass(frozen=True)
class Probes:
    """The three probes of a container; None where it has none."""

    startup: Probe | None
    readiness: Probe | None
    liveness: Probe | None


def parse_probes(container: Mapping[str, Any], pod_ip: str) -> Probes:
    """Probes of a container of the API, with named ports resolved."""
    ports = {port["name"]: int(port["containerPort"]) for port in container.get("ports", []) if "name" in port}
    kinds = ("startupProbe", "readinessProbe", "livenessProbe")
    return Probes(*(parse_probe(container.get(kind), pod_ip, ports) for kind in kinds))


@dataclass(frozen=True)
class Observer:
    """Whom a run tells: of readiness as it changes, of being started, and of failed probes."""

    ready: Callable[[bool], None]
    started: Callable[[], None]
    unhealthy: Callable[[str], None]


async def watch_probes(probes: Probes, checker: Checker, observer: Observer, clock: Clock) -> str:
    """Probes until the container must be restarted; returns why. Without a liveness probe it never returns."""
    if probes.startup:
        failure = await _until_verdict(probes.startup, "Startup", checker, observer, clock)
        if failure:
            return failure
    observer.started()
    readiness = asyncio.create_task(_watch_readiness(probes.readiness, checker, observer, clock))
    try:
        return await _watch_liveness(probes.liveness, checker, observer, clock)
    finally:
        readiness.cancel()


async def _until_verdict(probe: Probe, name: str, checker: Checker, observer: Observer, clock: Clock) -> str | None:
    """None on success, the reason on failure, after as many checks as the thresholds ask for."""
    counter = Counter(probe)
    await clock.sleep(probe.initial_delay_seconds)
    while True:
        error = await checker.check(probe)
        if error:
            observer.unhealthy(f"{name} probe failed: {error}")
        verdict = counter.count(error is None)
        if verdict is not None:
            return None if verdict else f"{name.lower()} probe failed: {error}"
        await clock.sleep(probe.period_seconds)


async def _watch_readiness(probe: Probe | None, checker: Checker, observer: Observer, clock: Clock) -> None:
    if probe is None:
        observer.ready(probe is None)
        return
    counter = Counter(probe)
    await clock.sleep(probe.initial_delay_seconds)
    while True:
        error = await checker.check(probe)
        if error:
            observer.unhealthy(f"Readiness probe failed: {error}")
        verdict = counter.count(error is None)
        if verdict is not None:
            observer.ready(verdict)
        await clock.sleep(probe.period_seconds)


async def _watch_liveness(probe: Probe | None, checker: Checker, observer: Observer, clock: Clock) -> str:
    if probe is None:
        await asyncio.Event().wait()
        raise AssertionError("unreachable: nothing sets this event")
    await clock.sleep(probe.initial_delay_seconds)
    counter = Counter(probe)
    while True:
        error = await checker.check(probe)
        if error:
            observer.unhealthy(f"Liveness probe failed: {error}")
        if counter.count(error is None) is False:
            return f"liveness probe failed: {error}"
        await clock.sleep(probe.period_seconds)


class ContainerProcess:
    """The local process of a container."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child

    @classmethod
    async def start(
        cls, argv: Sequence[str], env: Mapping[str, str], log: Path, notes: Sequence[str]
    ) -> ContainerProcess:
        """Starts it; its output goes to `log`, after the command and the notes. Raises OSError."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as head:
            head.writelines(f"# {line}\n" for line in [shlex.join(argv), *notes])
        return cls(await process.spawn(argv, env=env, log=log))

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid if self._child.returncode is None else None

    async def wait(self) -> int:
        """Its return code, when it ends; what it left running dies with it."""
        code = await self._child.wait()
        process.kill_session(self._child.pid)
        return code

    async def stop(self, grace_seconds: float) -> int:
        """SIGTERM to the process, SIGKILL to its session after the grace period; the return code."""
        return await process.stop(self._child, grace_seconds)

    def kill(self) -> None:
        """SIGKILL to its whole session, at once."""
        process.kill_session(self._child.pid)
