"""CrashLoopBackOff, as the kubelet counts it: doubling from a base to 30 bases, forgotten after 60 of them."""

from __future__ import annotations


class Backoff:
    """Waits between restarts of one container, in seconds."""

    def __init__(self, base_seconds: float) -> None:
        self._base = base_seconds
        self._failures = 0

    def next_seconds(self, ran_seconds: float) -> float:
        """How long to wait now, after a run of `ran_seconds`; 0 for the first restart."""
        if ran_seconds >= 60 * self._base:
            self._failures = 0
        self._failures += 1
        if self._failures == 1:
            return 0.0
        return min(self._base * 2.0 ** (self._failures - 2), 30 * self._base)
