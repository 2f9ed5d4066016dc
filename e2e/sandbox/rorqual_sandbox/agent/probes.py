"""Startup, readiness and liveness probes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp


@dataclass(frozen=True)
class HttpGet:
    """Healthy when `url` answers 200 to 399."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class TcpSocket:
    """Healthy when a connection can be made."""

    host: str
    port: int


@dataclass(frozen=True)
class Exec:
    """Healthy when the command ends with 0."""

    command: tuple[str, ...]


Check = HttpGet | TcpSocket | Exec


@dataclass(frozen=True)
class Probe:
    """A check with the kubelet's timing; the defaults are the API's."""

    check: Check
    initial_delay_seconds: float = 0
    period_seconds: float = 10
    timeout_seconds: float = 1
    failure_threshold: int = 3
    success_threshold: int = 1


def parse_probe(spec: Mapping[str, Any] | None, pod_ip: str, ports: Mapping[str, int]) -> Probe | None:
    """A container's probe, None when it has none (or one that is neither httpGet, tcpSocket nor exec)."""
    check = _parse_check(spec, pod_ip, ports) if spec else None
    if spec is None or check is None:
        return None
    return Probe(
        check,
        spec.get("initialDelaySeconds", 0),
        spec.get("periodSeconds", 10),
        spec.get("timeoutSeconds", 1),
        spec.get("failureThreshold", 3),
        spec.get("successThreshold", 1),
    )


def _parse_check(spec: Mapping[str, Any], pod_ip: str, ports: Mapping[str, int]) -> Check | None:
    match spec:
        case {"httpGet": http}:
            host, port = http.get("host") or pod_ip, _port(http["port"], ports)
            path = http.get("path", "/")
            headers = tuple((header["name"], header["value"]) for header in http.get("httpHeaders", []))
            return HttpGet(f"{http.get('scheme', 'HTTP').lower()}://{host}:{port}{path}", headers)
        case {"tcpSocket": tcp}:
            return TcpSocket(tcp.get("host") or pod_ip, _port(tcp["port"], ports))
        case {"exec": run}:
            return Exec(tuple(run["command"]))
        case _:
            return None


def _port(port: int | str, named: Mapping[str, int]) -> int:
    return named[port] if isinstance(port, str) and port in named else int(port)


class Counter:
    """Turns results into a verdict by the probe's thresholds; `verdict` is None until one is reached."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._run = 0
        self._last: bool | None = None

    def count(self, success: bool) -> bool | None:
        """The verdict after this result, None while neither threshold is reached in a row."""
        self._run = self._run + 1 if success == self._last else 1
        self._last = success
        threshold = self._probe.success_threshold if success else self._probe.failure_threshold
        return success if self._run >= threshold else None


class Checker(Protocol):
    """Carries a probe's check out."""

    async def check(self, probe: Probe) -> str | None:
        """None when it succeeded, else what went wrong."""


class SystemChecker:
    """Checks over the network and by local commands with the container's environment."""

    def __init__(self, session: aiohttp.ClientSession, env: Mapping[str, str]) -> None:
        self._session = session
        self._env = env

    async def check(self, probe: Probe) -> str | None:
        """None when it succeeded, else what went wrong, in the kubelet's words."""
        try:
            async with asyncio.timeout(probe.timeout_seconds):
                return await self._check(probe.check)
        except TimeoutError:
            return f"no answer within {probe.timeout_seconds} s"
        except (aiohttp.ClientError, OSError) as error:
            return str(error) or type(error).__name__

    async def _check(self, check: Check) -> str | None:
        match check:
            case HttpGet(url, headers):
                async with self._session.get(url, headers=headers, allow_redirects=False) as response:
                    failed = f"HTTP probe failed with statuscode: {response.status}"
                    return None if 200 <= response.status < 400 else failed
            case TcpSocket(host, port):
                _, writer = await asyncio.open_connection(host, port)
                writer.close()
                return None
            case Exec(command):
                status = await run_command(command, self._env)
                return None if status == 0 else f"command ended with {status}"


async def run_command(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Runs a command to its end; killed when the caller is cancelled. Returns its exit status."""
    from rorqual_sandbox.process import die_with_parent, kill_session

    child = await asyncio.create_subprocess_exec(
        *command,
        env=dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_parent(os.getpid()),
    )
    try:
        return await child.wait()
    finally:
        kill_session(child.pid)
