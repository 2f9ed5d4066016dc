"""Time as an argument, so that tests own it."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Seconds that only grow, and a way to wait for them."""

    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class MonotonicClock:
    """The machine's clock, zero when it was made."""

    def __init__(self) -> None:
        self._begin = time.monotonic()

    def now(self) -> float:
        return time.monotonic() - self._begin

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
