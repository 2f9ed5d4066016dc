"""/metrics, /healthz and /readyz over HTTP.

/healthz fails when no round has finished for a while although this replica leads; /readyz when it cannot reach the
API server. A stand-by replica is healthy and ready.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

STALE_PERIODS = 6
"""A round that is overdue by so many periods is a reason to be restarted."""


@dataclass
class Health:
    """What the probes ask for. Times come from one monotonic clock."""

    clock: Callable[[], float]
    period_seconds: float
    leading_since: float | None = None
    last_round_at: float | None = None
    api_problem: str | None = "not connected yet"

    def live(self) -> tuple[bool, str]:
        """Whether rounds finish, and the age of the last one."""
        if self.leading_since is None:
            return True, "standing by"
        since = self.leading_since if self.last_round_at is None else self.last_round_at
        age, limit = self.clock() - since, max(30.0, STALE_PERIODS * self.period_seconds)
        text = f"last round {age:.1f} s ago, limit {limit:.0f} s"
        return age <= limit, text

    def ready(self) -> tuple[bool, str]:
        """Whether the API server answers."""
        return self.api_problem is None, self.api_problem or (
            "standing by" if self.leading_since is None else "leading"
        )


@asynccontextmanager
async def serve(host: str, port: int, health: Health, registry: CollectorRegistry) -> AsyncIterator[int]:
    """Serves while the context lasts; gives the port that was bound."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_: web.Request) -> web.Response:
        return _answer(*health.live())

    async def readyz(_: web.Request) -> web.Response:
        return _answer(*health.ready())

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _answer(good: bool, text: str) -> web.Response:
    return web.Response(status=200 if good else 503, text=text + "\n")
