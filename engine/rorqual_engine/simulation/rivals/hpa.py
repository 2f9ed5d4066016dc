"""Kubernetes' HorizontalPodAutoscaler, autoscaling/v2.

Source: kubernetes/kubernetes, pkg/controller/podautoscaler/replica_calculator.go at 0006726 (calcPlainMetricReplicas,
getUsageRatioReplicaCount, GetExternalPerPodMetricReplicas) and horizontal.go (stabilizeRecommendationWithBehaviors,
convertDesiredReplicasWithBehaviorRate); defaults as documented. From newer revisions, which were not read: the
tolerance's inclusive bounds, the check that a rebalanced number does not go against its direction, and windows and
periods that look at both directions. The windows and policies are those that Rorqual keeps for itself
(`rorqual_engine.scaling`), which have HPA's meaning. It never asks for 0.

A replica that loads its weights has a container in phase Running and no figures: for a metric other than CPU the
controller takes it as missing, not as unready. Only pods in phase Pending are set aside.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rorqual_engine.api.spec import Behavior, ScalingPolicy, ScalingRules
from rorqual_engine.plan import Memory, ScaleEvent
from rorqual_engine.scaling.policies import down_limit, longest_period_seconds, up_limit
from rorqual_engine.scaling.stabilization import DEFAULT_DOWN_SECONDS, remember, stabilize, windows
from rorqual_engine.simulation.policy import Decision, Facts, View
from rorqual_engine.simulation.rivals.windows import clamp, metric_named, target_for, whole

SYNC_SECONDS = 15.0
TOLERANCE = 0.1
SEARCH: dict[str, tuple[float, ...]] = {
    "target": (16, 8, 24, 32, 48, 64, 96, 128),
    "tolerance": (0.1, 0.05, 0.2),
    "up_window_seconds": (0, 30, 60, 180),
    "down_window_seconds": (300, 60, 120, 600),
}
SEARCH_WAITING: dict[str, tuple[float, ...]] = {**SEARCH, "target": (1, 0.5, 2, 4, 8)}
SEARCH_KV_USE: dict[str, tuple[float, ...]] = {**SEARCH, "target": (0.8, 0.4, 0.5, 0.6, 0.7, 0.9)}


@dataclass(frozen=True, slots=True)
class Pods:
    """What the controller knows of the pods, besides their figures."""

    current: int
    """spec.replicas."""
    missing: int = 0
    """Running without figures."""
    pending: int = 0


def within(ratio: float, tolerance: float) -> bool:
    """Whether demand is near enough to capacity to change nothing."""
    return 1 - tolerance <= ratio <= 1 + tolerance


def pods_replicas(figures: Sequence[float], target: float, pods: Pods, tolerance: float = TOLERANCE) -> int | None:
    """For a metric of type Pods with an average target; None when no pod has a figure."""
    if not len(figures):
        return None
    total, count = float(sum(figures)), len(figures)
    ratio = total / count / target
    pending = pods.pending if ratio > 1 else 0
    if pods.missing or pending:
        return _rebalanced(total + (pods.missing * target if ratio < 1 else 0.0), ratio, target, pods, tolerance, count)
    return pods.current if within(ratio, tolerance) else whole(ratio * count)


def _rebalanced(total: float, ratio: float, target: float, pods: Pods, tolerance: float, count: int) -> int:
    """With the missing at their target on the way down and at 0 on the way up, as the pending ones."""
    count += pods.missing + (pods.pending if ratio > 1 else 0)
    adjusted = total / count / target
    wanted = whole(adjusted * count)
    turned = (ratio < 1 < adjusted) or (adjusted < 1 < ratio)
    against = (adjusted < 1 and wanted > pods.current) or (adjusted > 1 and wanted < pods.current)
    return pods.current if within(adjusted, tolerance) or turned or against else wanted


def external_replicas(value: float, target: float, current: int, ready: int, tolerance: float = TOLERANCE) -> int:
    """For one value of the whole service (type Object or External, target Value)."""
    ratio = value / target
    if current == 0:
        return whole(ratio)
    return current if within(ratio, tolerance) else whole(ratio * ready)


def average_replicas(value: float, target: float, current: int, tolerance: float = TOLERANCE) -> int:
    """For one value of the whole service that the replicas share (type External, target AverageValue)."""
    if current > 0 and within(value / (target * current), tolerance):
        return current
    return whole(value / target)


def highest(proposals: Sequence[int | None], current: int) -> int | None:
    """Of several metrics; one that is not known forbids a decrease. None when nothing may be decided."""
    known = [proposal for proposal in proposals if proposal is not None]
    if not known or (len(known) < len(proposals) and max(known) < current):
        return None
    return max(known)


def pods_policy(value: int, period_seconds: int) -> ScalingPolicy:
    return ScalingPolicy(type="Pods", value=value, period_seconds=period_seconds)


def percent_policy(value: int, period_seconds: int) -> ScalingPolicy:
    return ScalingPolicy(type="Percent", value=value, period_seconds=period_seconds)


def behavior_of(
    up_window_seconds: float = 0,
    down_window_seconds: float = 300,
    up: Sequence[ScalingPolicy] = (),
    down: Sequence[ScalingPolicy] = (),
) -> Behavior:
    """Without policies HPA's own: up 4 pods or 100 % in 15 s, down 100 % in 15 s."""
    return Behavior(
        scale_up=ScalingRules(stabilization_window_seconds=int(up_window_seconds), policies=list(up) or None),
        scale_down=ScalingRules(stabilization_window_seconds=int(down_window_seconds), policies=list(down) or None),
    )


class Governor:
    """Windows, policies and bounds between what the metrics propose and what is asked for."""

    def __init__(self, behavior: Behavior, minimum: int, maximum: int) -> None:
        self.behavior, self.minimum, self.maximum = behavior, minimum, maximum
        self._memory = Memory()

    def govern(self, current: int, proposed: int | None, now: float) -> int:
        """The number to have; the current one, within the bounds, when nothing is proposed."""
        if proposed is None or not self.minimum <= current <= self.maximum:
            decided = clamp(current, self.minimum, self.maximum)
        else:
            decided = self._stable(current, proposed, now)
        self._record(decided - current, now)
        return decided

    def _stable(self, current: int, proposed: int, now: float) -> int:
        within = windows(self.behavior, DEFAULT_DOWN_SECONDS)
        proposals = remember(self._memory, current, proposed, within, now)
        self._memory = Memory(proposals=proposals, events=self._memory.events)
        steady = stabilize(proposals, current, proposed, within, now)
        low = down_limit(self.behavior, self._memory.events, current, now)
        high = up_limit(self.behavior, self._memory.events, current, now)
        return clamp(clamp(steady, low, high), self.minimum, self.maximum)

    def _record(self, change: int, now: float) -> None:
        longest = longest_period_seconds(self.behavior)
        events = [event for event in self._memory.events if now - event.at < longest]
        if change:
            events.append(ScaleEvent(now, change))
        self._memory = Memory(proposals=self._memory.proposals, events=tuple(events))


class HPA:
    """One Pods metric of vLLM by way of prometheus-adapter: its mean over the replicas against a target."""

    def __init__(
        self,
        facts: Facts,
        *,
        metric: str = "in_flight",
        target: float | None = None,
        tolerance: float = TOLERANCE,
        up_window_seconds: float = 0,
        down_window_seconds: float = 300,
        interval_seconds: float = SYNC_SECONDS,
    ) -> None:
        self.interval_seconds = interval_seconds
        self._metric, self._name = metric_named(metric), metric
        self._target, self._tolerance = target_for(metric, target), tolerance
        behavior = behavior_of(up_window_seconds, down_window_seconds)
        self._governor = Governor(behavior, max(1, facts.min_replicas), facts.max_replicas)

    def decide(self, view: View) -> Decision:
        """At 0 replicas HPA is off."""
        if view.asked == 0:
            return Decision(0, "HPA is off at 0 replicas")
        figures = self._metric(view)
        pods = Pods(view.asked, missing=view.missing + view.starting)
        proposed = pods_replicas(figures.tolist(), self._target, pods, self._tolerance)
        decided = self._governor.govern(view.asked, proposed, view.now)
        shown = f"{figures.mean():.3g}" if len(figures) else "unknown"
        return Decision(decided, f"{self._name} {shown} against {self._target:g} proposes {proposed}")
