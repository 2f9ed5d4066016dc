"""The agent's two pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web


async def serve(describe: Callable[[], list[dict[str, Any]]], host: str, port: int) -> web.AppRunner:
    """/healthz, and /pods, with what `describe` returns, for the sandbox's handle. Raises OSError for a taken port."""

    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def pods(_request: web.Request) -> web.Response:
        return web.json_response(describe())

    application = web.Application()
    application.add_routes([web.get("/healthz", healthz), web.get("/pods", pods)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
