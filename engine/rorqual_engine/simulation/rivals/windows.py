"""Arithmetic that several rivals share: windows over their own samples, clocks, and figures of a view."""

import math
from collections import deque
from collections.abc import Callable, Iterable

import numpy as np

from rorqual_engine.simulation.policy import Figures, View

Metric = Callable[[View], Figures]
"""One figure a ready replica with known figures."""

METRICS: dict[str, Metric] = {
    "in_flight": lambda view: view.running + view.waiting,
    "running": lambda view: view.running,
    "waiting": lambda view: view.waiting,
    "kv_use": lambda view: view.kv_use,
}
TARGETS = {"in_flight": 16.0, "running": 16.0, "waiting": 1.0, "kv_use": 0.8}
"""A replica's, from llm-d's KEDA guides: 16 requests, 1 waiting, 0.8 of the KV cache. HPA itself has no default."""


def metric_named(name: str) -> Metric:
    """The figure that a setting names."""
    if name not in METRICS:
        raise ValueError(f"metric {name!r}: expected one of {', '.join(METRICS)}")
    return METRICS[name]


def target_for(metric: str, target: float | None) -> float:
    """The target of a setting, or the metric's usual one."""
    found = TARGETS[metric] if target is None else target
    if found <= 0:
        raise ValueError(f"target of {metric}: expected a number above 0, found {found:g}")
    return found


def whole(replicas: float) -> int:
    """Rounded up; what binary fractions add to a whole number is not rounded up."""
    return math.ceil(replicas - 1e-9)


def clamp(replicas: int, low: int, high: int) -> int:
    return max(low, min(replicas, high))


def quantile(values: Figures, share: float) -> float:
    """0 when there are none."""
    return float(np.quantile(values, share)) if len(values) else 0.0


def mean(values: Iterable[float]) -> float:
    """0 when there are none."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


class TimeWindow:
    """Samples of the last `seconds`; one of exactly that age has left, the newest never leaves."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._samples: deque[tuple[float, float]] = deque()

    def add(self, now: float, value: float) -> None:
        self._samples.append((now, value))
        while self._samples[0][0] <= now - self.seconds and len(self._samples) > 1:
            self._samples.popleft()

    def values(self) -> list[float]:
        """The oldest first."""
        return [value for _, value in self._samples]

    def mean(self) -> float:
        return mean(self.values())


class Every:
    """A loop of its own inside a policy that is asked more often."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._last: float | None = None

    def due(self, now: float) -> bool:
        """Whether the loop turns now; it turns at the first question."""
        if self._last is not None and now - self._last < self.seconds - 1e-6:
            return False
        self._last = now
        return True
