"""Sends a trace's requests when they are due."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from rorqual_demo.clock import Clock
from rorqual_demo.ledger import Ledger
from rorqual_demo.request import Outcome
from rorqual_demo.trace import Arrival

Send = Callable[[Arrival], Awaitable[Outcome]]
MAX_IN_FLIGHT = 2000


async def replay(
    arrivals: Sequence[Arrival],
    send: Send,
    ledger: Ledger,
    clock: Clock,
    drain_seconds: float = 60.0,
    max_in_flight: int = MAX_IN_FLIGHT,
) -> None:
    """Sends every arrival at its offset from now, whatever became of the ones before (an open loop).

    A request that would be the `max_in_flight` + 1st is not sent and counts as failed, and so does one that has not
    ended `drain_seconds` after the last was sent.
    """
    begin = clock.now()
    open_requests: set[asyncio.Task[None]] = set()
    try:
        for arrival in arrivals:
            await clock.sleep(begin + arrival.offset_seconds - clock.now())
            ledger.note_sent(clock.now())
            if len(open_requests) >= max_in_flight:
                ledger.note_outcome(_unsent(clock.now(), max_in_flight))
                continue
            task = asyncio.create_task(_one(arrival, send, ledger, clock))
            open_requests.add(task)
            task.add_done_callback(open_requests.discard)
        if open_requests:
            await asyncio.wait(open_requests, timeout=drain_seconds)
    finally:
        await _end(open_requests)


async def _one(arrival: Arrival, send: Send, ledger: Ledger, clock: Clock) -> None:
    """Books the outcome in every case, that of a request called off included."""
    sent_at = clock.now()
    try:
        outcome = await send(arrival)
    except asyncio.CancelledError:
        ledger.note_outcome(Outcome(sent_at, clock.now(), error="unfinished when the replay ended"))
        raise
    except Exception as error:  # a fault of the demo's own: it must show in the figures, not vanish with the task
        outcome = Outcome(sent_at, clock.now(), error=f"{type(error).__name__}: {error}")
    ledger.note_outcome(outcome)


def _unsent(at: float, limit: int) -> Outcome:
    return Outcome(at, at, error=f"not sent: {limit} requests were under way")


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    for task in list(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
