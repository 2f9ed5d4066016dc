"""CrashLoopBackOff grows and is forgotten as the kubelet's."""

from __future__ import annotations

from rorqual_sandbox.agent.backoff import Backoff


def test_the_first_restart_is_at_once_and_then_it_doubles() -> None:
    backoff = Backoff(10)
    assert [backoff.next_seconds(1) for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]


def test_a_long_run_resets_it() -> None:
    backoff = Backoff(10)
    for _ in range(4):
        backoff.next_seconds(1)
    assert backoff.next_seconds(600) == 0
    assert backoff.next_seconds(599) == 10
