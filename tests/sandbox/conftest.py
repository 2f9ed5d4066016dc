"""Fakes for the sandbox's tests: a clock that jumps, an API server in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rorqual_sandbox.api import ApiError, Object

Until = Callable[[Callable[[], Any]], Awaitable[Any]]
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class FakeClock:
    """Sleeping takes no time but moves the clock on."""

    elapsed_seconds: float = 0.0
    sleeps: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed_seconds)

    def seconds(self) -> float:
        return self.elapsed_seconds

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.elapsed_seconds += seconds
        await asyncio.sleep(0)


@dataclass
class FakeApi:
    """Serves `objects` by path, records writes, and raises what `failures` holds first."""

    objects: dict[str, Object] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)
    patches: list[Object] = field(default_factory=list)
    created: list[Object] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    streams: list[list[Object] | Exception] = field(default_factory=list)
    lists: list[Object] = field(default_factory=list)

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Object:
        self._fail()
        if self.lists:
            return self.lists.pop(0)
        if path not in self.objects:
            raise ApiError(404, f"{path} not found")
        return self.objects[path]

    async def create(self, path: str, body: Object) -> Object:
        self.created.append(body)
        return body

    async def patch(self, path: str, body: Object, content_type: str = "") -> Object:
        self._fail()
        self.patches.append(body)
        return body

    async def delete(self, path: str, body: Object | None = None) -> Object:
        self._fail()
        self.deleted.append(path)
        return {}

    async def watch(self, path: str, params: Mapping[str, str], version: str) -> AsyncIterator[Object]:
        stream = self.streams.pop(0) if self.streams else None
        if stream is None:
            await asyncio.Event().wait()
        if isinstance(stream, Exception):
            raise stream
        for event in stream or []:
            yield event

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def pod() -> dict[str, Any]:
    return {
        "metadata": {"name": "chat-0", "namespace": "llm", "uid": "u1", "labels": {"app": "chat"}},
        "spec": {"nodeName": "h100-0", "containers": [{"name": "engine", "image": "vllm/vllm-openai:v0.19.0"}]},
        "status": {"phase": "Pending"},
    }


async def _until(probe: Callable[[], Any]) -> Any:
    async with asyncio.timeout(20):
        while True:
            if value := probe():
                return value
            await asyncio.sleep(0.005)


@pytest.fixture
def until() -> Until:
    """`await until(probe)`: the first true value of `probe`; an error after 20 s without one."""
    return _until
