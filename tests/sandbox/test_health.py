"""Asking components for their health, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from rorqual_sandbox.components import Component
from rorqual_sandbox.errors import ComponentFailedError
from rorqual_sandbox.health import HealthProbe


@dataclass
class Page:
    """Answers with the statuses in turn, then with the last for ever."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [200])

    async def answer(self, _request: web.Request) -> web.Response:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status)


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    page, application = Page(), web.Application()
    application.router.add_get("/healthz", page.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    page.url = f"http://127.0.0.1:{runner.addresses[0][1]}/healthz"
    yield page
    await runner.cleanup()


@pytest.fixture
async def probe() -> AsyncIterator[HealthProbe]:
    async with HealthProbe() as probe:
        yield probe


def component(url: str) -> Component:
    return Component("etcd", ("etcd",), 1, url)


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (500, False), (404, False), (204, False)])
async def test_only_200_is_healthy(page: Page, probe: HealthProbe, status: int, healthy: bool) -> None:
    page.statuses = [status]
    assert await probe.is_healthy(component(page.url)) is healthy


async def test_nobody_there_is_not_healthy(probe: HealthProbe) -> None:
    assert not await probe.is_healthy(component("http://127.0.0.1:1/"))


async def test_it_waits_until_the_component_is_healthy(page: Page, probe: HealthProbe) -> None:
    page.statuses = [500, 503, 200]
    await probe.wait_healthy(component(page.url), lambda: None, 20)
    assert page.statuses == [200]


async def test_a_component_that_ends_at_its_start_is_an_error(probe: HealthProbe) -> None:
    with pytest.raises(ComponentFailedError, match="etcd exited with status 2 at its start"):
        await probe.wait_healthy(component("http://127.0.0.1:1/"), lambda: 2, 20)


async def test_a_component_that_never_answers_is_an_error(page: Page, probe: HealthProbe) -> None:
    page.statuses = [500]
    with pytest.raises(ComponentFailedError, match=r"etcd was not healthy after 0 s \(http://127\.0\.0\.1:"):
        await probe.wait_healthy(component(page.url), lambda: None, 0.1)
