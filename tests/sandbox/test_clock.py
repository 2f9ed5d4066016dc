"""Waiting on an injected clock."""

from __future__ import annotations

from typing import Any

import pytest

from rorqual_sandbox.clock import SystemClock, poll


class Probe:
    """Says no `refusals` times, then yes."""

    def __init__(self, refusals: int) -> None:
        self.refusals, self.calls = refusals, 0

    async def __call__(self) -> bool:
        self.calls += 1
        return self.calls > self.refusals


@pytest.mark.parametrize("refusals", [0, 3])
async def test_it_polls_until_yes(clock: Any, refusals: int) -> None:
    probe = Probe(refusals)
    assert await poll(probe, clock, within_seconds=10)
    assert probe.calls == len(clock.sleeps) + 1 == refusals + 1


async def test_it_gives_up_when_the_time_is_over(clock: Any) -> None:
    assert not await poll(Probe(10**6), clock, within_seconds=10)
    assert 10 <= clock.elapsed_seconds < 10.1


async def test_it_asks_once_even_without_time(clock: Any) -> None:
    assert await poll(Probe(0), clock, within_seconds=0)
    assert clock.sleeps == []


async def test_the_systems_clock_goes_forward_and_knows_its_zone() -> None:
    clock = SystemClock()
    before = clock.seconds()
    await clock.sleep(0)
    assert clock.seconds() >= before
    assert clock.now().utcoffset() is not None
