"""Faults for engine pods: real signals to real processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.handle import Sandbox

TURN_SECONDS = 0.2
"""Of starving: one stop and one go together; short, so that requests get slower and do not merely wait."""


class Fault(StrEnum):
    """What happens to an engine."""

    FREEZE = "freeze"
    STUCK = "stuck"
    STARVE = "starve"
    KILL = "kill"


def inject(
    sandbox: Sandbox,
    namespace: str,
    pod: str,
    fault: Fault,
    seconds: float,
    share: float = 0.4,
    over: Callable[[float], bool] | None = None,
) -> None:
    """Does it, and returns when it is over.

    `freeze` stops the engine (SIGSTOP) for so long: it keeps its connections and answers nothing. `stuck` stops vLLM's
    process with the model alone: its API server goes on to answer probes and scrapes. `starve` lets it run for that
    `share` of the time. `kill` ends it (SIGKILL) at once. `over` waits so many seconds and tells whether to
    stop early. A frozen or starved engine goes on afterwards, whatever happens.
    """
    wait = over or _slept
    if not 0 < share < 1:
        raise SandboxError(f"share: expected above 0 and below 1; found {share:g}")
    if fault is Fault.KILL:
        sandbox.kill_engine(namespace, pod)
        return
    try:
        if fault is Fault.FREEZE:
            sandbox.pause_engine(namespace, pod)
            wait(seconds)
        elif fault is Fault.STUCK:
            sandbox.pause_model(namespace, pod)
            wait(seconds)
        else:
            _starve(sandbox, namespace, pod, seconds, share, wait)
    finally:
        sandbox.resume_engine(namespace, pod)


def _starve(
    sandbox: Sandbox, namespace: str, pod: str, seconds: float, share: float, wait: Callable[[float], bool]
) -> None:
    for _ in range(max(1, round(seconds / TURN_SECONDS))):
        sandbox.pause_engine(namespace, pod)
        if wait((1 - share) * TURN_SECONDS):
            return
        sandbox.resume_engine(namespace, pod)
        if wait(share * TURN_SECONDS):
            return


def _slept(seconds: float) -> bool:
    time.sleep(seconds)
    return False
