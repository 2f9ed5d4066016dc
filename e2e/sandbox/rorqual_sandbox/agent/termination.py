"""The end of a pod on its deletion: preStop and SIGTERM within the grace period, SIGKILL after it."""

from __future__ import annotations

import asyncio
import contextlib

from rorqual_sandbox.agent.account import Account
from rorqual_sandbox.agent.hooks import run_pre_stop
from rorqual_sandbox.agent.record import Running, Terminated, exit_code
from rorqual_sandbox.agent.run import Run
from rorqual_sandbox.agent.surroundings import Surroundings
from rorqual_sandbox.agent.writer import remove_pod


async def terminate(account: Account, around: Surroundings, run: Run | None) -> None:
    """Ends the process of `run`, if it lives, and then takes the pod's object away."""
    if run:
        await _end(account, around, run)
    await account.writer.flush()
    await remove_pod(around.api, account.pod, around.clock)


async def _end(account: Account, around: Surroundings, run: Run) -> None:
    process, clock = run.process, around.clock
    if process is None or process.pid is None:
        return
    began, grace = clock.seconds(), account.grace_seconds
    started_at = account.record.state.started_at if isinstance(account.record.state, Running) else None
    account.tell("Normal", "Killing", f"Stopping container {account.name}")
    account.publish(ready=False)
    await _pre_stop(account, around, run, grace)
    left = grace - (clock.seconds() - began)
    code = exit_code(await process.stop(max(left, 0.0)))
    now = clock.now()
    account.publish(state=Terminated(code, started_at or now, now), finished=True)


async def _pre_stop(account: Account, around: Surroundings, run: Run, grace_seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace_seconds):
            failure = await run_pre_stop(account.container, account.record.ip, run.env, around.clock, around.session)
            if failure:
                account.tell("Warning", "FailedPreStopHook", failure)
