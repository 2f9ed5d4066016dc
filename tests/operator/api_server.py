"""A web server on loopback that answers as it is told and remembers what it was asked."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass
class Site:
    """A running server."""

    address: str = ""
    """host:port."""
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.address}"


@asynccontextmanager
async def answering(*handlers: Handler) -> AsyncIterator[Site]:
    """Answers each request by the next handler; by the last one for ever."""
    site, left = Site(), list(handlers)

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.text()
        site.asked.append(
            Asked(request.method, request.path, dict(request.query), dict(request.headers), body)
        )  # fmt: skip
        handler = left.pop(0) if len(left) > 1 else left[0]
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        site.address = f"{server.host}:{server.port}"
        yield site


def json_answer(body: Any, status: int = 200) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    return handler


def text_answer(body: str | bytes, status: int = 200) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        content = body.encode() if isinstance(body, str) else body
        return web.Response(body=content, status=status, content_type="text/plain")

    return handler
