"""Waiting for a URL to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

import aiohttp

from rorqual_sandbox.components import Component
from rorqual_sandbox.errors import ComponentFailedError


class HealthProbe:
    """Asks components for their health; use it as a context manager."""

    async def __aenter__(self) -> HealthProbe:
        # The components made their certificates themselves; nothing but yes or no is read.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=False), timeout=aiohttp.ClientTimeout(total=2)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def is_healthy(self, component: Component) -> bool:
        """Whether the component answers 200 now."""
        try:
            async with self._session.get(component.health) as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def wait_healthy(
        self, component: Component, exit_status: Callable[[], int | None], timeout_seconds: float
    ) -> None:
        """Returns when it is healthy. Raises ComponentFailedError when its process ends first, or time runs out."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while not await self.is_healthy(component):
                    if (status := exit_status()) is not None:
                        raise ComponentFailedError(f"{component.name} exited with status {status} at its start")
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise ComponentFailedError(
                f"{component.name} was not healthy after {timeout_seconds:.0f} s ({component.health})"
            ) from error
