"""The agent's process: reachable from its start, working until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal

from rorqual_sandbox.agent.service import Agent
from rorqual_sandbox.agent.web import serve


async def run_until_stopped(agent: Agent, host: str, port: int) -> None:
    """Runs the agent until SIGTERM; its engines end with it. An error of the agent is raised here."""
    runner = await serve(agent.describe, host, port)
    try:
        work = asyncio.create_task(agent.run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await work
    finally:
        await runner.cleanup()
