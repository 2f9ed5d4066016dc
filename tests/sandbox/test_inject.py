"""Faults for engines, on a sandbox that only writes down what is done to it."""

from typing import Any

import pytest

from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.inject import TURN_SECONDS, Fault, inject


class Noted:
    """Stands for a Sandbox."""

    def __init__(self) -> None:
        self.done: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return lambda namespace, pod: self.done.append((name.removesuffix("_engine"), namespace, pod))

    def wait(self, seconds: float) -> bool:
        self.done.append(round(seconds, 3))
        return False


def run(fault: Fault, seconds: float = 1.0, share: float = 0.4, over: Any = None) -> list[Any]:
    noted = Noted()
    inject(noted, "llm", "chat-0", fault, seconds, share, over or noted.wait)  # type: ignore[arg-type]
    return noted.done


def test_a_frozen_engine_goes_on_afterwards() -> None:
    assert run(Fault.FREEZE, 7.0) == [("pause", "llm", "chat-0"), 7.0, ("resume", "llm", "chat-0")]


def test_a_stuck_one_goes_on_afterwards() -> None:
    assert run(Fault.STUCK, 7.0) == [("pause_model", "llm", "chat-0"), 7.0, ("resume", "llm", "chat-0")]


def test_a_starved_one_runs_for_its_share_of_every_turn() -> None:
    done = run(Fault.STARVE, 2 * TURN_SECONDS)
    one = [("pause", "llm", "chat-0"), 0.12, ("resume", "llm", "chat-0"), 0.08]
    assert done == [*one, *one, ("resume", "llm", "chat-0")]


def test_a_killed_one_is_killed_at_once() -> None:
    assert run(Fault.KILL) == [("kill", "llm", "chat-0")]


def test_when_it_is_broken_off_the_engine_goes_on() -> None:
    def broken_off(_: float) -> bool:
        raise KeyboardInterrupt

    noted = Noted()
    with pytest.raises(KeyboardInterrupt):
        inject(noted, "llm", "chat-0", Fault.FREEZE, 5.0, over=broken_off)  # type: ignore[arg-type]
    assert noted.done[-1] == ("resume", "llm", "chat-0")
    assert run(Fault.STARVE, over=lambda _: True) == [("pause", "llm", "chat-0"), ("resume", "llm", "chat-0")]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_all_or_nothing_is_refused(share: float) -> None:
    with pytest.raises(SandboxError, match="share: expected above 0"):
        run(Fault.STARVE, share=share)
