"""Probes: their parsing, their thresholds, and what they ask."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from rorqual_sandbox.agent.container import Observer, Probes, watch_probes
from rorqual_sandbox.agent.probes import Counter, Exec, HttpGet, Probe, SystemChecker, TcpSocket, parse_probe


def test_the_defaults_are_the_apis() -> None:
    probe = parse_probe({"httpGet": {"path": "/health", "port": "http"}}, "127.1.1.1", {"http": 8000})
    assert probe == Probe(HttpGet("http://127.1.1.1:8000/health"), 0, 10, 1, 3, 1)


def test_every_field_is_read() -> None:
    spec = {
        "tcpSocket": {"port": 8000},
        "initialDelaySeconds": 1,
        "periodSeconds": 2,
        "timeoutSeconds": 3,
        "failureThreshold": 4,
        "successThreshold": 5,
    }
    assert parse_probe(spec, "127.1.1.1", {}) == Probe(TcpSocket("127.1.1.1", 8000), 1, 2, 3, 4, 5)


def test_headers_scheme_and_commands() -> None:
    http = {"port": 1, "scheme": "HTTPS", "host": "h", "httpHeaders": [{"name": "A", "value": "b"}]}
    probe = parse_probe({"httpGet": http}, "127.1.1.1", {})
    assert probe is not None and probe.check == HttpGet("https://h:1/", (("A", "b"),))
    run = parse_probe({"exec": {"command": ["true"]}}, "127.1.1.1", {})
    assert run is not None and run.check == Exec(("true",))


@pytest.mark.parametrize("spec", [None, {}, {"grpc": {"port": 1}}])
def test_no_probe(spec: dict[str, Any] | None) -> None:
    assert parse_probe(spec, "127.1.1.1", {}) is None


def test_thresholds_count_results_in_a_row() -> None:
    counter = Counter(Probe(Exec(()), failure_threshold=2, success_threshold=2))
    results = [False, True, False, False, False, True, True]
    assert [counter.count(result) for result in results] == [None, None, None, False, False, None, True]


@pytest.fixture
async def checker() -> AsyncIterator[SystemChecker]:
    async with aiohttp.ClientSession() as session:
        yield SystemChecker(session, {"PATH": "/usr/bin:/bin"})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=int(request.path[1:]))

    application = web.Application()
    application.router.add_get("/{tail:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (302, True), (404, False), (503, False)])
async def test_http(checker: SystemChecker, port: int, status: int, healthy: bool) -> None:
    error = await checker.check(Probe(HttpGet(f"http://127.0.0.1:{port}/{status}")))
    assert (error is None) is healthy


async def test_a_hanging_server_is_a_failure(checker: SystemChecker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        error = await checker.check(Probe(HttpGet(url), timeout_seconds=0.05))
    assert error == "no answer within 0.05 s"


async def test_tcp(checker: SystemChecker, port: int) -> None:
    assert await checker.check(Probe(TcpSocket("127.0.0.1", port))) is None
    assert await checker.check(Probe(TcpSocket("127.0.0.1", 1))) is not None


async def test_exec(checker: SystemChecker) -> None:
    assert await checker.check(Probe(Exec(("true",)))) is None
    assert await checker.check(Probe(Exec(("false",)))) == "command ended with 1"


class Script:
    """A checker that gives prepared results, then waits for ever."""

    def __init__(self, **results: list[bool]) -> None:
        self._results = results

    async def check(self, probe: Probe) -> str | None:
        assert isinstance(probe.check, Exec)
        results = self._results[probe.check.command[0]]
        if not results:
            await asyncio.Event().wait()
        return None if results.pop(0) else "boom"


class Notes:
    """What an observer was told, in order."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.observer = Observer(
            ready=lambda value: self.seen.append(value),
            started=lambda: self.seen.append("started"),
            unhealthy=lambda message: self.seen.append(message),
        )


def named(name: str, failures: int = 1) -> Probe:
    return Probe(Exec((name,)), period_seconds=1, failure_threshold=failures)


async def test_startup_gates_the_others(clock: Any) -> None:
    notes = Notes()
    probes = Probes(named("startup", failures=3), None, named("liveness"))
    reason = await watch_probes(probes, Script(startup=[False, False, True], liveness=[False]), notes.observer, clock)
    assert notes.seen[:3] == ["Startup probe failed: boom", "Startup probe failed: boom", "started"]
    assert reason == "liveness probe failed: boom"


async def test_a_failed_startup_restarts_the_container(clock: Any) -> None:
    notes = Notes()
    reason = await watch_probes(Probes(named("startup"), None, None), Script(startup=[False]), notes.observer, clock)
    assert reason == "startup probe failed: boom"
    assert "started" not in notes.seen


async def test_readiness_flips_both_ways(clock: Any) -> None:
    notes = Notes()
    probes = Probes(None, named("readiness"), None)
    script = Script(readiness=[True, False, True])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watch_probes(probes, script, notes.observer, clock), 0.05)
    assert [note for note in notes.seen if isinstance(note, bool)] == [True, False, True]


async def test_without_a_readiness_probe_a_started_container_is_ready(clock: Any) -> None:
    notes = Notes()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(watch_probes(Probes(None, None, None), Script(), notes.observer, clock), 0.05)
    assert notes.seen == ["started", True]
