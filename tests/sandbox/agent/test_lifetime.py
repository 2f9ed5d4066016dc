"""The agent's process: reachable from its start, gone on SIGTERM, and never silently."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import Any, cast

import aiohttp
import pytest

from rorqual_sandbox.agent.lifetime import run_until_stopped
from rorqual_sandbox.agent.service import Agent

HOST = "127.0.0.1"


class FakeAgent:
    """Works until cancelled, or fails."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.working, self.ended = asyncio.Event(), False
        self._fault = fault

    def describe(self) -> list[dict[str, Any]]:
        return [{"pod": "chat-0"}]

    async def run(self) -> None:
        self.working.set()
        try:
            if self._fault:
                raise self._fault
            await asyncio.Event().wait()
        finally:
            self.ended = True


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def read(port: int, path: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://{HOST}:{port}{path}") as response:
        assert response.status == 200
        return await response.text()


async def test_it_answers_while_it_works_and_ends_on_sigterm(port: int) -> None:
    agent = FakeAgent()
    running = asyncio.create_task(run_until_stopped(cast(Agent, agent), HOST, port))
    await agent.working.wait()
    assert await read(port, "/healthz") == "ok"
    assert await read(port, "/pods") == '[{"pod": "chat-0"}]'
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(20):
        await running
    assert agent.ended
    with pytest.raises(aiohttp.ClientConnectionError):
        await read(port, "/healthz")


async def test_a_fault_ends_the_process_and_frees_the_port(port: int) -> None:
    agent = FakeAgent(RuntimeError("bug"))
    with pytest.raises(RuntimeError, match="bug"):
        await run_until_stopped(cast(Agent, agent), HOST, port)
    with pytest.raises(aiohttp.ClientConnectionError):
        await read(port, "/healthz")


async def test_a_taken_port_is_told_before_any_pod_is_touched() -> None:
    agent = FakeAgent()
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        with pytest.raises(OSError, match="in use"):
            await run_until_stopped(cast(Agent, agent), HOST, other.getsockname()[1])
    assert not agent.working.is_set()
