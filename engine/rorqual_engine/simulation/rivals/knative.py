"""Knative Serving's pod autoscaler (KPA) on concurrency.

Source: knative/serving, pkg/autoscaler/scaling/autoscaler.go at 00a4a55 (Scale); defaults of
config/core/configmaps/autoscaler.yaml (tick 2 s, stable window 60 s, panic window 10 % of it, panic from 200 %,
target 70 % of 100, rates 1000 and 2, grace 30 s); the step to 0 (grace after a stable window of nothing) is by that
file's words; kpa/scaler.go was not read. Concurrency is what the queue proxies and the activator hold: requests in
engines and at the gateway, sampled at each tick. Easily left out: a deployment of several replicas begins in panic
mode, and panic prevents a decrease below the highest number of this panic.
"""

import math

from rorqual_engine.simulation.policy import Decision, Facts, View
from rorqual_engine.simulation.rivals.windows import TimeWindow, whole

SEARCH: dict[str, tuple[float, ...]] = {
    "concurrency": (100, 8, 16, 24, 32, 48, 64, 128, 256),
    "stable_window_seconds": (60, 30, 120, 300),
    "panic_threshold": (2.0, 1.1, 1.5, 4.0),
    "scale_down_delay_seconds": (0, 60, 300, 600),
}


class KPA:
    """A mean over a stable window, and over a short one while panicking."""

    def __init__(
        self,
        facts: Facts,
        *,
        concurrency: float = 100.0,
        utilization: float = 0.7,
        stable_window_seconds: float = 60.0,
        panic_share: float = 0.1,
        panic_threshold: float = 2.0,
        max_scale_up_rate: float = 1000.0,
        max_scale_down_rate: float = 2.0,
        scale_down_delay_seconds: float = 0.0,
        grace_seconds: float = 30.0,
        interval_seconds: float = 2.0,
    ) -> None:
        self.interval_seconds = interval_seconds
        self._scale_to_zero = facts.min_replicas == 0
        self._target = concurrency * utilization
        self._stable_seconds, self._threshold, self._grace = stable_window_seconds, panic_threshold, grace_seconds
        self._up_rate, self._down_rate = max_scale_up_rate, max_scale_down_rate
        self._stable = TimeWindow(stable_window_seconds)
        self._panic = TimeWindow(max(interval_seconds, stable_window_seconds * panic_share))
        self._delayed = TimeWindow(scale_down_delay_seconds)
        self._panicking_since: float | None = None
        self._most_in_panic = 0
        self._idle_since: float | None = None
        self._began = False

    def decide(self, view: View) -> Decision:
        self._begin(view)
        self._stable.add(view.now, view.in_flight)
        self._panic.add(view.now, view.in_flight)
        ready = max(1, view.ready)
        stable, panic = self._wanted(self._stable.mean(), ready), self._wanted(self._panic.mean(), ready)
        self._watch(self._panic.mean(), ready, view.now)
        wanted = self._panicked(max(stable, panic)) if self._panicking_since is not None else stable
        self._delayed.add(view.now, wanted)
        replicas = self._to_zero(int(max(self._delayed.values())), view.now)
        mode = "stable" if self._panicking_since is None else "panic"
        return Decision(replicas, f"{mode}: {self._stable.mean():.3g} (panic {self._panic.mean():.3g}) in flight")

    def _begin(self, view: View) -> None:
        """An autoscaler that finds several replicas begins in panic mode, for it has no past."""
        if not self._began and view.ready > 1:
            self._panicking_since, self._most_in_panic = view.now, view.ready
        self._began = True

    def _wanted(self, in_flight: float, ready: int) -> int:
        low, high = math.floor(ready / self._down_rate), math.ceil(self._up_rate * ready)
        return min(max(whole(in_flight / self._target), low), high)

    def _watch(self, in_flight: float, ready: int, now: float) -> None:
        if whole(in_flight / self._target) / ready >= self._threshold:
            self._panicking_since = now
        elif self._panicking_since is not None and now - self._panicking_since > self._stable_seconds:
            self._panicking_since, self._most_in_panic = None, 0

    def _panicked(self, wanted: int) -> int:
        self._most_in_panic = max(self._most_in_panic, wanted)
        return self._most_in_panic

    def _to_zero(self, wanted: int, now: float) -> int:
        """The last replica stays for the grace period, or for good where 0 is not allowed."""
        if wanted > 0:
            self._idle_since = None
            return wanted
        if self._idle_since is None:
            self._idle_since = now
        return 0 if self._scale_to_zero and now - self._idle_since >= self._grace else 1
