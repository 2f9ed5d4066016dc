"""The phases of a sandbox: starting, ready, stopping; and what is told of them."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, Protocol

from rorqual_sandbox import control
from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.state import Phase, State
from rorqual_sandbox.supervisor.requests import Components, Requests

log = logging.getLogger("supervisor")


class Crew(Components, Protocol):
    """The components' processes."""

    async def stop_all(self) -> None:
        """Stops what runs, in the reverse of the order in which it was started."""


class Supervisor:
    """Runs one sandbox from its state directory until it is told to stop."""

    def __init__(
        self, layout: Layout, state: State, crew: Crew, start: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        self._layout = layout
        self._state = state
        self._crew = crew
        self._start = start
        self._stop = asyncio.Event()
        self._requests = Requests(crew, lambda: self._state, self._stop.set)

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Starts everything, calls `on_ready`, serves until stopped, stops everything.

        Raises SandboxError when the start fails; by then what had started is stopped.
        """
        self._listen_for_signals()
        try:
            async with AsyncExitStack() as stack:
                stack.push_async_callback(self._crew.stop_all)
                await self._run(stack, on_ready)
        except SandboxError as error:
            self._enter(Phase.FAILED, str(error))
            raise

    async def _run(self, stack: AsyncExitStack, on_ready: Callable[[], None]) -> None:
        self._enter(Phase.STARTING)
        server = await control.serve(self._layout, self._requests.answer)
        stack.callback(server.close)
        if await self._started():
            self._enter(Phase.READY)
            on_ready()
            await self._stop.wait()
        self._enter(Phase.STOPPING)

    async def _started(self) -> bool:
        """Waits for the start or for a request to stop; on the latter the start is called off."""
        starting, stopping = asyncio.create_task(self._start()), asyncio.create_task(self._stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if starting.done():
            starting.result()
            return True
        starting.cancel()
        await asyncio.wait({starting})
        return False

    def _enter(self, phase: Phase, message: str = "") -> None:
        log.info("%s %s", phase, message)
        self._state = self._state.with_phase(phase, message)
        self._state.write(self._layout.state)

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
