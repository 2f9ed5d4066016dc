"""When the probes say that this replica is alive and ready."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from rorqual_operator.health import Health, serve


def health(now: float, period: float = 10.0, **fields: object) -> Health:
    return Health(lambda: now, period, **fields)  # type: ignore[arg-type]


def test_stand_by_is_alive_for_ever() -> None:
    assert health(1e9).live() == (True, "standing by")


@pytest.mark.parametrize(("age", "alive"), [(0, True), (60, True), (60.1, False)])
def test_leader_lives_while_rounds_finish(age: float, alive: bool) -> None:
    assert health(1000 + age, leading_since=0.0, last_round_at=1000.0).live()[0] is alive


@pytest.mark.parametrize(("age", "alive"), [(60, True), (61, False)])
def test_first_round_has_the_same_time(age: float, alive: bool) -> None:
    assert health(500 + age, leading_since=500.0).live()[0] is alive


def test_short_periods_leave_thirty_seconds() -> None:
    assert health(30, 0.1, leading_since=0.0).live()[0]
    assert not health(31, 0.1, leading_since=0.0).live()[0]


def test_overdue_round_is_told_with_its_age() -> None:
    assert health(100, leading_since=0.0, last_round_at=25.0).live()[1] == "last round 75.0 s ago, limit 60 s"


def test_not_ready_before_the_api_server_answered() -> None:
    assert health(0).ready() == (False, "not connected yet")


def test_not_ready_while_the_api_server_is_away() -> None:
    assert health(0, leading_since=1.0, api_problem="pods: no answer").ready() == (False, "pods: no answer")


@pytest.mark.parametrize(("leading_since", "text"), [(None, "standing by"), (1.0, "leading")])
def test_ready_leading_or_not(leading_since: float | None, text: str) -> None:
    assert health(0, leading_since=leading_since, api_problem=None).ready() == (True, text)


@asynccontextmanager
async def served(of: Health, registry: CollectorRegistry) -> AsyncIterator[str]:
    async with serve("127.0.0.1", 0, of, registry) as port:
        yield f"http://127.0.0.1:{port}"


async def answer(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_probes_over_http() -> None:
    subject = health(100, leading_since=0.0, api_problem=None)
    async with served(subject, CollectorRegistry()) as url:
        assert await answer(f"{url}/healthz") == (503, "last round 100.0 s ago, limit 60 s\n")
        assert await answer(f"{url}/readyz") == (200, "leading\n")


async def test_metrics_over_http() -> None:
    registry = CollectorRegistry()
    Counter("dives", "Dives so far", registry=registry).inc(3)
    async with served(health(0), registry) as url:
        status, text = await answer(f"{url}/metrics")
    assert status == 200
    assert "dives_total 3.0" in text
