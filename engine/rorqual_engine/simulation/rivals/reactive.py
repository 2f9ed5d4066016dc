"""The plain reactive rules of textbooks: a threshold with cooldowns, and a proportional one.

Source: no project; the rule of AWS "simple scaling" and of the reactive baselines of the literature (one step a breach,
then a cooldown). The defaults are ours.
"""

import math

from rorqual_engine.simulation.policy import Decision, Facts, View

SEARCH: dict[str, tuple[float, ...]] = {
    "high": (2, 0.5, 1, 4, 8),
    "low": (0.1, 0, 0.4),
    "up_cooldown_seconds": (30, 5, 15, 60, 120),
    "down_cooldown_seconds": (120, 30, 60, 300, 600),
}
SEARCH_PROPORTIONAL: dict[str, tuple[float, ...]] = {
    "target": (16, 4, 8, 24, 32, 48, 64, 96, 128),
    "down_cooldown_seconds": (120, 30, 60, 300, 600),
}


class Reactive:
    """One more above `high` queued requests a ready replica, one less at or below `low`, each with a cooldown."""

    def __init__(
        self,
        facts: Facts,
        *,
        high: float = 2.0,
        low: float = 0.1,
        up_cooldown_seconds: float = 30.0,
        down_cooldown_seconds: float = 120.0,
        interval_seconds: float = 5.0,
    ) -> None:
        if low >= high:
            raise ValueError(f"reactive: low must be below high, found low {low:g} and high {high:g}")
        self.interval_seconds = interval_seconds
        self._minimum, self._maximum = facts.min_replicas, facts.max_replicas
        self._high, self._low = high, low
        self._up_cooldown, self._down_cooldown = up_cooldown_seconds, down_cooldown_seconds
        self._changed = -math.inf

    def decide(self, view: View) -> Decision:
        queued = (float(view.waiting.sum()) + view.held) / max(view.ready, 1)
        since = view.now - self._changed
        if queued > self._high and since >= self._up_cooldown and view.asked < self._maximum:
            return self._step(view, 1, f"{queued:.3g} queued a replica > {self._high:g}")
        if queued <= self._low and since >= self._down_cooldown and view.asked > self._minimum:
            return self._step(view, -1, f"{queued:.3g} queued a replica <= {self._low:g}")
        return Decision(view.asked, f"{queued:.3g} queued a replica")

    def _step(self, view: View, step: int, why: str) -> Decision:
        self._changed = view.now
        return Decision(view.asked + step, why)


class Proportional:
    """Requests in flight over a target a replica, rounded up; less only after a cooldown since the last change."""

    def __init__(
        self,
        facts: Facts,
        *,
        target: float = 16.0,
        down_cooldown_seconds: float = 120.0,
        interval_seconds: float = 5.0,
    ) -> None:
        if target <= 0:
            raise ValueError(f"proportional: target must be above 0, found {target:g}")
        self.interval_seconds = interval_seconds
        self._minimum, self._maximum = facts.min_replicas, facts.max_replicas
        self._target, self._down_cooldown = target, down_cooldown_seconds
        self._changed = -math.inf

    def decide(self, view: View) -> Decision:
        wanted = min(max(math.ceil(view.in_flight / self._target), self._minimum), self._maximum)
        why = f"{view.in_flight:.0f} in flight / {self._target:g}"
        if wanted < view.asked and view.now - self._changed < self._down_cooldown:
            return Decision(view.asked, f"{why}, cooling down")
        if wanted != view.asked:
            self._changed = view.now
        return Decision(wanted, why)
