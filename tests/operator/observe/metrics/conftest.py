"""Servers that never answer."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from aiohttp import web

from ...api_server import Handler


@pytest.fixture
def hanging() -> Iterator[Callable[[], Handler]]:
    """Makes a handler that does not answer before the test is over."""
    tasks: list[asyncio.Task[object]] = []

    def make() -> Handler:
        async def handler(_: web.Request) -> web.Response:
            task = asyncio.current_task()
            if task:
                tasks.append(task)
            await asyncio.Event().wait()
            return web.Response()

        return handler

    yield make
    for task in tasks:
        task.cancel()
