"""Time as an argument."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

_POLL_SECONDS = 0.05


class Clock(Protocol):
    """What the sandbox asks of time."""

    def now(self) -> datetime:
        """Wall time, UTC."""

    def seconds(self) -> float:
        """A clock that only goes forward."""

    async def sleep(self, seconds: float) -> None:
        """Waits."""


@dataclass(frozen=True)
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def poll(probe: Callable[[], Awaitable[bool]], clock: Clock, within_seconds: float) -> bool:
    """Asks `probe` again and again until it says yes (True) or the time is over (False)."""
    deadline = clock.seconds() + within_seconds
    while not await probe():
        if clock.seconds() >= deadline:
            return False
        await clock.sleep(_POLL_SECONDS)
    return True
