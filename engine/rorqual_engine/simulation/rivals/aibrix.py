"""AIBrix's two autoscalers of its own: KPA and APA.

Source: vllm-project/aibrix, pkg/controller/podautoscaler/: algorithm/apa.go at 4148b7a, context/context.go at 2576b18
(rates 2, tolerances 10 %, cooldowns 0 and 300 s, panic from 2), and algorithm/kpa.go, metrics/client.go and
podautoscaler_controller.go (stabilizeRecommendation) in stored copies whose commit, and whether they are upstream's or
a fork's, is not known. Not read in the source: the interval of 10 s, and the windows of 180 and 60 s (older revisions
have 120 and 15 s).

Where the source does what one would not expect, the source is restated:
- the cooldown window on the way down takes the *lowest* number of the last 300 s, so it hastens a decrease instead of
  delaying it; `down_cooldown_seconds=0` switches that off;
- the highest number of a panic is not remembered, for the context's SetMaxPanicPods does nothing: a panic may shrink;
- KPA divides the window's mean by the target, so the figure must be of the whole service (a source of type external).
  The mean of the replicas, which a source of type pod gives, would hold it near one replica; it is not offered.
KPA's tolerance is of a newer kpa.go (774f93f), known from another's excerpt that does not show how its thresholds are
defined: about the target of one replica is an assumption. It matters near one replica only.
"""

import math

from rorqual_engine.simulation.policy import Decision, Facts, View
from rorqual_engine.simulation.rivals.windows import TimeWindow, metric_named, target_for, whole

SEARCH: dict[str, tuple[float, ...]] = {
    "target": (16, 8, 24, 32, 48, 64, 96, 128),
    "stable_window_seconds": (180, 30, 60, 120),
    "down_cooldown_seconds": (300, 0, 60),
}


class Cooldown:
    """stabilizeRecommendation: the highest of a window on the way up, the lowest of one on the way down."""

    def __init__(self, up_seconds: float, down_seconds: float) -> None:
        self._up, self._down = TimeWindow(up_seconds), TimeWindow(down_seconds)

    def apply(self, current: int, wanted: int, now: float) -> int:
        self._up.add(now, wanted)
        self._down.add(now, wanted)
        if wanted == current:
            return current
        return int(max(self._up.values()) if wanted > current else min(self._down.values()))


class AIBrixKPA:
    """Requests of the whole service over a long window, over a short one in panic."""

    def __init__(
        self,
        _facts: Facts,
        *,
        target: float = 16.0,
        tolerance: float = 0.1,
        stable_window_seconds: float = 180.0,
        panic_window_seconds: float = 60.0,
        panic_threshold: float = 2.0,
        max_rate: float = 2.0,
        up_cooldown_seconds: float = 0.0,
        down_cooldown_seconds: float = 300.0,
        interval_seconds: float = 10.0,
    ) -> None:
        self.interval_seconds = interval_seconds
        self._target, self._tolerance, self._threshold = target_for("in_flight", target), tolerance, panic_threshold
        self._rate = max_rate
        self._stable, self._panic = TimeWindow(stable_window_seconds), TimeWindow(panic_window_seconds)
        self._cooldown = Cooldown(up_cooldown_seconds, down_cooldown_seconds)

    def decide(self, view: View) -> Decision:
        self._stable.add(view.now, view.in_flight)
        self._panic.add(view.now, view.in_flight)
        stable, panic = self._stable.mean(), self._panic.mean()
        panicking = stable <= 0 or panic / stable > self._threshold
        wanted = self._wanted(stable, view.asked)
        if panicking:
            wanted = max(wanted, self._wanted(panic, view.asked))
        mode = "panic" if panicking else "stable"
        why = f"{mode}: {stable:.3g} (panic {panic:.3g}) in flight proposes {wanted}"
        return Decision(self._cooldown.apply(view.asked, wanted, view.now), why)

    def _wanted(self, value: float, current: int) -> int:
        low, high = math.floor(current / self._rate), max(1, math.ceil(self._rate * current))
        near = (1 - self._tolerance) * self._target <= value <= (1 + self._tolerance) * self._target
        return min(max(current if near else whole(value / self._target), low), high)


class AIBrixAPA:
    """The mean of the replicas over a window against a target, with a fluctuation tolerance and limited rates."""

    def __init__(
        self,
        _facts: Facts,
        *,
        metric: str = "in_flight",
        target: float | None = None,
        up_tolerance: float = 0.1,
        down_tolerance: float = 0.1,
        stable_window_seconds: float = 180.0,
        max_rate: float = 2.0,
        up_cooldown_seconds: float = 0.0,
        down_cooldown_seconds: float = 300.0,
        interval_seconds: float = 10.0,
    ) -> None:
        self.interval_seconds = interval_seconds
        self._metric, self._target = metric_named(metric), target_for(metric, target)
        self._up, self._down, self._rate = up_tolerance, down_tolerance, max_rate
        self._window = TimeWindow(stable_window_seconds)
        self._cooldown = Cooldown(up_cooldown_seconds, down_cooldown_seconds)

    def decide(self, view: View) -> Decision:
        """Without any figure of a replica a turn records nothing."""
        figures = self._metric(view)
        if len(figures):
            self._window.add(view.now, float(figures.mean()))
        if not self._window.values():
            return Decision(view.asked, "no replica has figures yet")
        ratio = self._window.mean() / self._target
        wanted = self._wanted(ratio, view.asked)
        return Decision(
            self._cooldown.apply(view.asked, wanted, view.now), f"{ratio:.3g} of the target proposes {wanted}"
        )

    def _wanted(self, ratio: float, current: int) -> int:
        if ratio > 1 + self._up:
            return min(whole(current * ratio), math.ceil(self._rate * current))
        if ratio < 1 - self._down:
            return max(whole(current * ratio), math.floor(current / self._rate))
        return current
