"""Looks at the service, its pods and its engines once a second, and makes a frame of it."""

from __future__ import annotations

from typing import Protocol

import aiohttp

from rorqual_demo.clock import Clock
from rorqual_demo.cluster import Observed
from rorqual_demo.endpoints import endpoint_of
from rorqual_demo.errors import DemoError
from rorqual_demo.frame import Frame, count_replicas, read_service, sum_engines
from rorqual_demo.history import History
from rorqual_demo.ledger import Ledger
from rorqual_demo.picker import Picker
from rorqual_demo.scrape import scrape
from rorqual_sandbox.api import ApiError

PERIOD_SECONDS = 1.0
_PATIENCE = 15


class Source(Protocol):
    """Where a service and its pods are read."""

    async def observe(self, name: str) -> Observed:
        """The service and its pods now. Raises ApiError, aiohttp.ClientError or TimeoutError."""


class Observer:
    """Feeds the picker with pods and the history with frames."""

    def __init__(
        self,
        source: Source,
        service: str,
        session: aiohttp.ClientSession,
        picker: Picker,
        ledger: Ledger,
        history: History,
        clock: Clock,
    ) -> None:
        self._source = source
        self._service = service
        self._session = session
        self._picker = picker
        self._ledger = ledger
        self._history = history
        self._clock = clock

    async def look(self) -> Frame:
        """One frame, also added to the history. Raises what `Source.observe` raises."""
        observed = await self._source.observe(self._service)
        endpoints = [endpoint for pod in observed.pods if (endpoint := endpoint_of(pod))]
        self._picker.update(endpoints)
        gauges = await scrape(self._session, endpoints)
        self._picker.observe_kv_use({pod: one.kv_use for pod, one in gauges.items() if one.kv_use is not None})
        now = self._clock.now()
        frame = Frame(
            at=now,
            load=self._ledger.load(now),
            replicas=count_replicas(observed.status, observed.pods),
            engines=sum_engines(gauges.values()),
            service=read_service(observed.status),
        )
        self._history.add(frame)
        return frame

    async def run(self) -> None:
        """Looks until cancelled. Raises DemoError when the API server fails to answer many times in a row."""
        failures = 0
        while True:
            begun = self._clock.now()
            try:
                await self.look()
                failures = 0
            except (ApiError, aiohttp.ClientError, TimeoutError) as error:
                failures += 1
                if failures >= _PATIENCE:
                    raise DemoError(f"the sandbox's API server does not answer: {error}") from error
            await self._clock.sleep(max(0.0, begun + PERIOD_SECONDS - self._clock.now()))
