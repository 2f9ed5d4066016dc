"""Kthena's autoscaler of one homogeneous target.

Source: volcano-sh/kthena, pkg/autoscaler/: algorithm/recommendation.go at 3ac46ac and revision.go at 00d9c98,
autoscaler/scaler.go at 0e83a0c, datastructure/sliding_window.go at 925c5f4, util/settings.go at 125bbc1 (every 15 s);
defaults of pkg/apis/workload/v1alpha1/autoscalingpolicy_types.go at 084841a. Two choices: figures are counted per
replica (MetricReporterCounts), where that scaler.go hands over one sum; and the limit on a decrease looks at the
highest of the period, as a later copy of status.go does, where 009abf2 takes the lowest. Unlike HPA it has no
stabilisation window unless one is given, and it limits a change to 1 replica or 100 % in 15 s, whichever is more. A
panic's period is required and has no default; it is that of the stable policy here. Sharing between kinds of engine
and the ratio of prefill to decode have no part here: a service is of one kind.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from rorqual_engine.simulation.policy import Decision, Facts, View
from rorqual_engine.simulation.rivals.windows import clamp, metric_named, target_for, whole

SEARCH: dict[str, tuple[float, ...]] = {
    "target": (16, 8, 24, 32, 48, 64, 96, 128),
    "panic_threshold_percent": (200, 110, 150, 400),
    "down_window_seconds": (0, 60, 300, 600),
    "up_window_seconds": (0, 30, 60),
}
Choose = Callable[[list[int]], int]


@dataclass(frozen=True, slots=True)
class Instances:
    """Of the target: asked for, and how many of them are ready without figures or not ready."""

    current: int
    missing: int = 0
    unready: int = 0


def recommend(total: float, reporters: int, target: float, instances: Instances, tolerance: float) -> int | None:
    """For figures of `reporters` instances with that sum; None when there are none."""
    if reporters == 0:
        return None
    up = total / reporters / target >= 1
    unready = instances.unready if up else 0
    count = reporters + instances.missing + unready
    total += 0.0 if up else instances.missing * target
    ratio = total / count / target
    if abs(ratio - 1) <= tolerance or (ratio >= 1) != up:
        return instances.current
    wanted = whole(ratio * count)
    against = (not up and wanted > instances.current) or (up and wanted < instances.current)
    rebalanced = bool(instances.missing or unready)
    return instances.current if rebalanced and against else wanted


class Records:
    """The best of what was recorded within so many seconds; None without any, and always in a window of 0 s."""

    def __init__(self, seconds: float, best: Choose) -> None:
        self._seconds, self._best = seconds, best
        self._records: deque[tuple[float, int]] = deque()

    def add(self, now: float, value: int) -> None:
        self._records.append((now, value))

    def best(self, now: float) -> int | None:
        while self._records and self._records[0][0] + self._seconds < now:
            self._records.popleft()
        if not self._records or self._seconds == 0:
            return None
        return self._best([value for _, value in self._records])


class Line:
    """The best of a number that holds until the next is recorded, over so many seconds."""

    def __init__(self, seconds: float, best: Choose) -> None:
        self._seconds, self._best = seconds, best
        self._ended = Records(seconds, best)
        self._held: tuple[float, int] | None = None

    def add(self, now: float, value: int) -> None:
        held = self._fresh(now)
        if held is not None:
            self._ended.add(now, held)
        self._held = (now, value)

    def best(self, now: float, current: int) -> int:
        """With the current number among them."""
        candidates = [current, self._fresh(now), self._ended.best(now)]
        return self._best([value for value in candidates if value is not None])

    def _fresh(self, now: float) -> int | None:
        """A number that was recorded long ago is not believed any more."""
        if self._held is None or self._held[0] + 2 * self._seconds < now:
            return None
        return self._held[1]


class Kthena:
    """HPA's rule on one metric, with a panic mode that allows large steps up."""

    def __init__(
        self,
        facts: Facts,
        *,
        metric: str = "in_flight",
        target: float | None = None,
        tolerance_percent: float = 10.0,
        instances: int = 1,
        percent: float = 100.0,
        period_seconds: float = 15.0,
        up_window_seconds: float = 0.0,
        down_window_seconds: float = 0.0,
        panic_threshold_percent: float = 200.0,
        panic_percent: float = 1000.0,
        panic_hold_seconds: float = 60.0,
        interval_seconds: float = 15.0,
    ) -> None:
        self.interval_seconds = interval_seconds
        self._low, self._high = facts.min_replicas, facts.max_replicas
        self._metric, self._target = metric_named(metric), target_for(metric, target)
        self._tolerance, self._instances, self._percent = tolerance_percent / 100, instances, percent
        self._panic_threshold, self._panic_percent = panic_threshold_percent, panic_percent
        self._panic_hold, self._panic_ends = panic_hold_seconds, -math.inf
        self._highest_proposal, self._lowest_proposal = (
            Records(down_window_seconds, max),
            Records(up_window_seconds, min),
        )
        self._highest, self._lowest = Line(period_seconds, max), Line(period_seconds, min)

    def decide(self, view: View) -> Decision:
        proposed = self._proposed(view)
        if proposed is None:
            return Decision(view.asked, "no replica has figures")
        if proposed * 100 >= view.asked * self._panic_threshold:
            self._panic_ends = view.now + self._panic_hold
        panicking = view.now <= self._panic_ends
        corrected = self._panicked(view, proposed) if panicking else self._corrected(view, proposed)
        decided = clamp(corrected, self._low, self._high)
        self._record(view.now, proposed, decided)
        return Decision(decided, f"{'panic' if panicking else 'stable'}: {proposed} proposed")

    def _proposed(self, view: View) -> int | None:
        """Within the bounds; a number outside them is brought back before anything else."""
        if not self._low <= view.asked <= self._high:
            return clamp(view.asked, self._low, self._high)
        figures = self._metric(view)
        instances = Instances(view.asked, view.missing, view.starting)
        found = recommend(float(figures.sum()), len(figures), self._target, instances, self._tolerance)
        return None if found is None else clamp(found, self._low, self._high)

    def _panicked(self, view: View, proposed: int) -> int:
        """Never less than there is; at most so many percent more than the least of the last period."""
        least = self._lowest.best(view.now, view.asked)
        if least > 0:
            proposed = min(proposed, least + int(least * self._panic_percent / 100))
        return max(proposed, view.asked)

    def _corrected(self, view: View, proposed: int) -> int:
        if proposed > view.asked:
            return max(view.asked, self._raised(view, proposed))
        return min(view.asked, self._lowered(view, proposed)) if proposed < view.asked else proposed

    def _raised(self, view: View, proposed: int) -> int:
        steady = self._lowest_proposal.best(view.now)
        least = self._lowest.best(view.now, view.asked)
        limit = least + max(self._instances, int(least * self._percent / 100))
        return min(proposed, limit, proposed if steady is None else steady)

    def _lowered(self, view: View, proposed: int) -> int:
        steady = self._highest_proposal.best(view.now)
        most = self._highest.best(view.now, view.asked)
        limit = most - max(self._instances, int(most * self._percent / 100))
        return max(proposed, limit, proposed if steady is None else steady)

    def _record(self, now: float, proposed: int, decided: int) -> None:
        for records in (self._highest_proposal, self._lowest_proposal):
            records.add(now, proposed)
        for line in (self._highest, self._lowest):
            line.add(now, decided)
