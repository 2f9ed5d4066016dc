"""preStop hooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from rorqual_sandbox.agent.hooks import run_pre_stop

ENV = {"PATH": "/usr/bin:/bin", "NAME": "engine"}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def with_hook(hook: dict[str, Any]) -> dict[str, Any]:
    return {"name": "engine", "lifecycle": {"preStop": hook}}


async def test_none(clock: Any, session: aiohttp.ClientSession) -> None:
    assert await run_pre_stop({"name": "engine"}, "127.0.0.1", ENV, clock, session) is None
    assert clock.sleeps == []


async def test_sleep(clock: Any, session: aiohttp.ClientSession) -> None:
    await run_pre_stop(with_hook({"sleep": {"seconds": 10}}), "127.0.0.1", ENV, clock, session)
    assert clock.sleeps == [10]


async def test_a_command_has_the_containers_environment(
    clock: Any, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    hook = {"exec": {"command": ["sh", "-c", f"echo $NAME > {tmp_path / 'out'}"]}}
    assert await run_pre_stop(with_hook(hook), "127.0.0.1", ENV, clock, session) is None
    assert (tmp_path / "out").read_text() == "engine\n"


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        ({"exec": {"command": ["false"]}}, "preStop ended with 1"),
        ({"exec": {"command": ["no-such-program"]}}, "preStop failed"),
        ({"httpGet": {"port": 1}}, "preStop failed"),
    ],
)
async def test_a_failed_hook_says_so(
    clock: Any, session: aiohttp.ClientSession, hook: dict[str, Any], message: str
) -> None:
    failure = await run_pre_stop(with_hook(hook), "127.0.0.1", ENV, clock, session)
    assert failure is not None and failure.startswith(message)


async def test_http(clock: Any, session: aiohttp.ClientSession) -> None:
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response()

    application = web.Application()
    application.router.add_get("/drain", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook = {"httpGet": {"port": runner.addresses[0][1], "path": "/drain"}}
    assert await run_pre_stop(with_hook(hook), "127.0.0.1", ENV, clock, session) is None
    assert paths == ["/drain"]
    await runner.cleanup()
