"""KEDA with Prometheus triggers, and llm-d's four recipes for it.

Source: kedacore/keda at 7f17c10, pkg/scaling/executor/scale_scaledobjects.go (RequestScale and what it calls);
the defaults (30 and 300 s) are the documented ones. From 1 replica on it is an HPA with external metrics of
target AverageValue (`hpa.py`), which asks KEDA's metrics server in HPA's own 15 s: `pollingInterval` paces 0 to 1 and
1 to 0 alone.

Recipes: llm-d/llm-d, guides/workload-autoscaling/:
(a) keda-epp/optimized-baseline/overlays/k8s/queue/scaledobject.yaml at 057abb4,
(b) keda-epp-token-aware/optimized-baseline/base/scaledobject.yaml at 04c0115,
(c) slo-aware/README.md at 1860df2, with the law of llm-d's page "SLO-Aware Autoscaling with KEDA",
(d) keda-epp/optimized-baseline/overlays/k8s/queue-guard/scaledobject.yaml at b06ec63.
Queue is what engines and gateway hold back: llm-d's flow control holds it at the gateway. From 0 that queue wakes a
service, as in llm-d's scale-to-zero. Recipe (c) is often told as n * P90/SLO with a credit of r/n; its law has two
thresholds with a dead band between them, and the credit counts on the way up alone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rorqual_engine.api.spec import Behavior
from rorqual_engine.simulation.policy import Decision, Facts, View
from rorqual_engine.simulation.rivals.hpa import (
    SYNC_SECONDS,
    TOLERANCE,
    Governor,
    average_replicas,
    behavior_of,
    highest,
    percent_policy,
    pods_policy,
)
from rorqual_engine.simulation.rivals.windows import Every, TimeWindow, quantile

SEARCH: dict[str, tuple[float, ...]] = {
    "queue_per_replica": (1, 0.5, 2, 4, 8),
    "running_per_replica": (16, 8, 24, 32, 48, 64, 96),
    "up_window_seconds": (300, 0, 30, 60, 120),
    "down_window_seconds": (300, 60, 120, 600),
}
SEARCH_TOKENS: dict[str, tuple[float, ...]] = {
    "max_wait_seconds": (1.5, 0.5, 1, 3),
    "kv_use": (0.8, 0.4, 0.5, 0.6, 0.7),
    "up_period_seconds": (180, 15, 60),
    "down_period_seconds": (300, 60, 120),
}
SEARCH_SLO: dict[str, tuple[float, ...]] = {
    "up_share": (0.55, 0.4, 0.7, 0.85),
    "down_share": (0.4, 0.2, 0.3),
    "up_window_seconds": (30, 0, 60),
    "down_window_seconds": (180, 60, 300),
    "down_period_seconds": (120, 30, 60),
}
SEARCH_GUARD: dict[str, tuple[float, ...]] = {**SEARCH, "up_window_seconds": (0, 30, 60, 120)}


@dataclass(frozen=True, slots=True)
class Trigger:
    """One query, and the value that one replica may have of it."""

    name: str
    value: Callable[[View], float]
    """Of the whole service."""
    threshold: float
    activation: float = 0.0
    """Above it the trigger is active."""


class Keda:
    """Any triggers; the recipes below are ScaledObjects ready to use."""

    def __init__(
        self,
        facts: Facts,
        triggers: Sequence[Trigger],
        behavior: Behavior | None = None,
        *,
        tolerance: float = TOLERANCE,
        polling_seconds: float = 30.0,
        cooldown_seconds: float = 300.0,
    ) -> None:
        self.interval_seconds = min(SYNC_SECONDS, polling_seconds)
        self._minimum = facts.min_replicas
        self._triggers, self._tolerance, self._cooldown = tuple(triggers), tolerance, cooldown_seconds
        self._governor = Governor(behavior or behavior_of(), max(1, facts.min_replicas), facts.max_replicas)
        self._poll, self._sync = Every(polling_seconds), Every(SYNC_SECONDS)
        self._active_at: float | None = None

    def decide(self, view: View) -> Decision:
        """The poll's answer where it has one, otherwise HPA's."""
        values = [trigger.value(view) for trigger in self._triggers]
        polled = self._polled(view, values) if self._poll.due(view.now) else None
        if polled is not None:
            return polled
        if view.asked == 0:
            return Decision(0, "no trigger was active at the last poll")
        if not self._sync.due(view.now):
            return Decision(view.asked, "HPA's next turn is awaited")
        return self._scaled(view, values)

    def _polled(self, view: View, values: Sequence[float]) -> Decision | None:
        if self._active(view, values):
            self._active_at = view.now
            return Decision(max(1, self._minimum), "a trigger is active at 0 replicas") if view.asked == 0 else None
        if view.asked == 0 or self._minimum > 0 or not self._cooled(view.now):
            return None
        return Decision(0, f"no trigger was active for {self._cooldown:g} s")

    def _active(self, view: View, values: Sequence[float]) -> bool:
        above = (value > trigger.activation for value, trigger in zip(values, self._triggers, strict=True))
        return view.held > 0 or any(above)

    def _cooled(self, now: float) -> bool:
        """KEDA takes a service that was never active as cooled down."""
        return self._active_at is None or now - self._active_at > self._cooldown

    def _scaled(self, view: View, values: Sequence[float]) -> Decision:
        proposals = [
            average_replicas(value, trigger.threshold, view.asked, self._tolerance)
            for value, trigger in zip(values, self._triggers, strict=True)
        ]
        decided = self._governor.govern(view.asked, highest(proposals, view.asked), view.now)
        parts = zip(self._triggers, values, proposals, strict=True)
        return Decision(decided, ", ".join(f"{t.name} {value:.3g} proposes {n}" for t, value, n in parts))


def queue(view: View) -> float:
    """Requests that no engine works on."""
    return float(view.waiting.sum()) + view.held


def running(view: View) -> float:
    return float(view.running.sum())


class KedaQueue(Keda):
    """Recipe (a): one replica a queued request, and one for 16 running; windows of 300 s against overshoot."""

    def __init__(
        self,
        facts: Facts,
        *,
        queue_per_replica: float = 1.0,
        running_per_replica: float = 16.0,
        up_window_seconds: float = 300,
        down_window_seconds: float = 300,
        polling_seconds: float = 15.0,
        cooldown_seconds: float = 300.0,
    ) -> None:
        triggers = (Trigger("queue", queue, queue_per_replica), Trigger("running", running, running_per_replica))
        behavior = behavior_of(up_window_seconds, down_window_seconds, [percent_policy(100, 15)])
        super().__init__(facts, triggers, behavior, polling_seconds=polling_seconds, cooldown_seconds=cooldown_seconds)


class KedaGuard(Keda):
    """Recipe (d): the demand of (a), less the replicas that start already; no window on the way up."""

    def __init__(
        self,
        facts: Facts,
        *,
        queue_per_replica: float = 1.0,
        running_per_replica: float = 16.0,
        up_window_seconds: float = 0,
        down_window_seconds: float = 300,
        polling_seconds: float = 15.0,
        cooldown_seconds: float = 300.0,
    ) -> None:
        self._queue_per_replica, self._running_per_replica = queue_per_replica, running_per_replica
        behavior = behavior_of(up_window_seconds, down_window_seconds, [percent_policy(100, 15)])
        triggers = [Trigger("demand", self._demand, 1.0)]
        super().__init__(facts, triggers, behavior, polling_seconds=polling_seconds, cooldown_seconds=cooldown_seconds)

    def _demand(self, view: View) -> float:
        demand = max(queue(view) / self._queue_per_replica, running(view) / self._running_per_replica)
        return demand if demand <= view.asked else max(demand - view.starting, view.asked)


def prefill_tokens_per_second(facts: Facts) -> float:
    """Peak of one replica, as llm-d's calibration measures it: full steps of nothing but prompts."""
    step = facts.timing.step_seconds + facts.timing.prefill_seconds(facts.batched_tokens)
    return facts.batched_tokens / step


class KedaTokens(Keda):
    """Recipe (b): seconds of prompts to prefill against a share of the TTFT objective, and full KV caches."""

    def __init__(
        self,
        facts: Facts,
        *,
        max_wait_seconds: float = 1.5,
        kv_use: float = 0.8,
        up_period_seconds: float = 180,
        down_period_seconds: float = 300,
        down_window_seconds: float = 300,
        polling_seconds: float = 15.0,
        cooldown_seconds: float = 300.0,
    ) -> None:
        rate = prefill_tokens_per_second(facts)
        triggers = (
            Trigger("prefill seconds", lambda view: float(view.waiting_tokens.sum()) / rate, max_wait_seconds),
            Trigger("full KV caches", lambda view: float(view.kv_use.sum()), kv_use),
        )
        behavior = behavior_of(
            0, down_window_seconds, [pods_policy(1, int(up_period_seconds))], [pods_policy(1, int(down_period_seconds))]
        )
        super().__init__(facts, triggers, behavior, polling_seconds=polling_seconds, cooldown_seconds=cooldown_seconds)


class KedaSLO(Keda):
    """Recipe (c): P90 of measured TTFT and ITL as a share of the objectives, with a dead band and in-flight credit."""

    def __init__(
        self,
        facts: Facts,
        *,
        up_share: float = 0.55,
        down_share: float = 0.40,
        cap: float = 2.0,
        smoothing_seconds: float = 45.0,
        up_window_seconds: float = 30,
        down_window_seconds: float = 180,
        down_period_seconds: float = 120,
        polling_seconds: float = 15.0,
        cooldown_seconds: float = 300.0,
    ) -> None:
        self._facts = facts
        self._up, self._down, self._cap = up_share, down_share, cap
        self._saturations = TimeWindow(smoothing_seconds)
        behavior = behavior_of(
            up_window_seconds,
            down_window_seconds,
            [percent_policy(100, 60), pods_policy(4, 60)],
            [pods_policy(1, int(down_period_seconds))],
        )
        triggers = [Trigger("desired replicas", self._desired, 1.0)]
        super().__init__(facts, triggers, behavior, polling_seconds=polling_seconds, cooldown_seconds=cooldown_seconds)

    def _desired(self, view: View) -> float:
        self._saturations.add(view.now, min(self._saturation(view), self._cap))
        saturation, n = self._saturations.mean(), view.asked
        if saturation > self._up:
            credit = view.ready / n if 0 < view.ready < n else 1.0
            return n + math.ceil(n * (saturation * credit / self._up - 1) - 1e-9)
        if saturation < self._down:
            return n - math.floor(n * (1 - saturation / self._down) + 1e-9)
        return float(n)

    def _saturation(self, view: View) -> float:
        """Above 1 an objective is missed; 0 without requests in the last minute."""
        minute = view.history.window(60.0)
        ttft = quantile(minute.ttft_seconds, 0.9) / self._facts.ttft_seconds
        return max(ttft, quantile(minute.itl_seconds, 0.9) / self._facts.itl_seconds)
