from __future__ import annotations

import asyncio

import pytest

from rorqual_demo.ledger import Ledger
from rorqual_demo.replay import replay
from rorqual_demo.request import Outcome
from rorqual_demo.trace import Arrival

from .objects import FakeClock

ARRIVALS = tuple(Arrival(float(at), 10, 10) for at in (1, 2, 5))


async def never(_arrival: Arrival) -> Outcome:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


async def test_requests_leave_when_they_are_due() -> None:
    clock, ledger = FakeClock(), Ledger()
    sent: list[float] = []

    async def send(_arrival: Arrival) -> Outcome:
        sent.append(clock.now())
        return Outcome(clock.now(), clock.now(), 0.1, 5, "a")

    await replay(ARRIVALS, send, ledger, clock)
    assert clock.slept == [1, 1, 3]
    assert len(sent) == len(ledger.outcomes) == 3
    assert ledger.load(clock.now()).in_flight == 0


async def test_a_slow_answer_does_not_hold_up_the_next_request() -> None:
    clock, ledger = FakeClock(), Ledger()
    await replay(ARRIVALS, never, ledger, clock, drain_seconds=0.01)
    assert clock.slept == [1, 1, 3]
    assert ledger.errors() == {"unfinished when the replay ended": 3}


async def test_requests_under_way_are_bounded() -> None:
    ledger = Ledger()
    await replay(ARRIVALS, never, ledger, FakeClock(), drain_seconds=0.01, max_in_flight=1)
    assert ledger.errors() == {"not sent": 2, "unfinished when the replay ended": 1}


async def test_a_fault_in_the_sender_shows_in_the_books() -> None:
    async def broken(_arrival: Arrival) -> Outcome:
        raise RuntimeError("a fault")

    ledger = Ledger()
    await replay(ARRIVALS, broken, ledger, FakeClock())
    assert ledger.errors() == {"RuntimeError": 3}


async def test_cancelling_the_replay_ends_its_requests() -> None:
    ledger, all_sent, begun = Ledger(), asyncio.Event(), []

    async def send(arrival: Arrival) -> Outcome:
        begun.append(arrival)
        if len(begun) == len(ARRIVALS):
            all_sent.set()
        return await never(arrival)

    running = asyncio.create_task(replay(ARRIVALS, send, ledger, FakeClock()))
    await all_sent.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ledger.errors() == {"unfinished when the replay ended": 3}
