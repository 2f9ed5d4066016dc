"""KubeAI's model autoscaler.

Source: substratusai/kubeai, internal/modelautoscaler/autoscaler.go at 14fd17f, internal/modelclient/scale.go at
1dbb673 (Scale, ScaleAtLeastOneReplica), internal/movingaverage/simple.go; defaults of internal/config/system.go at
74ad849 (every 10 s) and of the Model type (100 requests a replica, scale-down delay 30 s); the window of 10 min is
the documented one. The moving average begins with 60 zeros, and the count of lower results is not reset by a
decrease: one that follows another at once is not delayed again. Both follow the source.
"""

import math

from rorqual_engine.simulation.policy import Decision, Facts, View
from rorqual_engine.simulation.rivals.windows import Every, clamp, mean, whole

SEARCH: dict[str, tuple[float, ...]] = {
    "target_requests": (100, 8, 16, 24, 32, 48, 64, 128),
    "window_seconds": (600, 60, 120, 300),
    "scale_down_delay_seconds": (30, 0, 120, 300, 600),
}


class KubeAI:
    """The mean of active requests over ten minutes; the first request that is held wakes a model at 0."""

    def __init__(
        self,
        facts: Facts,
        *,
        target_requests: float = 100.0,
        window_seconds: float = 600.0,
        scale_down_delay_seconds: float = 30.0,
        tick_seconds: float = 10.0,
    ) -> None:
        self.interval_seconds = tick_seconds if facts.min_replicas > 0 else min(1.0, tick_seconds)
        self._minimum, self._maximum, self._target = facts.min_replicas, facts.max_replicas, target_requests
        self._samples = [0.0] * math.ceil(window_seconds / tick_seconds)
        self._next = 0
        self._lower_results_needed = math.ceil(scale_down_delay_seconds / tick_seconds)
        self._lower_results = 0
        self._tick = Every(tick_seconds)

    def decide(self, view: View) -> Decision:
        if view.asked == 0:
            return Decision(1 if view.held else 0, f"{view.held} requests wait at 0 replicas")
        if not self._tick.due(view.now) or view.ready == 0:
            return Decision(view.asked, "between two turns" if view.ready else "no replica has an address")
        self._sample(view.in_flight)
        active = mean(self._samples)
        wanted = clamp(whole(active / self._target), self._minimum, self._maximum)
        return Decision(self._delayed(view.asked, wanted), f"{active:.3g} active requests propose {wanted}")

    def _sample(self, active: float) -> None:
        self._samples[self._next] = active
        self._next = (self._next + 1) % len(self._samples)

    def _delayed(self, current: int, wanted: int) -> int:
        if wanted >= current:
            self._lower_results = 0
        elif self._lower_results < self._lower_results_needed:
            self._lower_results += 1
            return current
        return wanted
