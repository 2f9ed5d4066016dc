"""The saturation analyzers of llm-d's Workload Variant Autoscaler (WVA), for a service of one variant.

Source: llm-d/llm-d-workload-variant-autoscaler (before: llm-d-incubation/workload-variant-autoscaler): V1
internal/saturation/analyzer.go at 36587f8; V2 internal/engines/analyzers/saturation_v2/analyzer.go, constants.go and
pipeline/cost_aware_optimizer.go at 256df39; defaults in internal/config/saturation_scaling.go. Since an earlier V2 a
queued request is charged its prompt and its answer, not its prompt alone. Its estimator of capacity by service rates is
off by default and left out, as is the HPA or KEDA that carries the wish out (a delay that WVA is spared here). Its
queries take the highest of one minute: here of four samples, while the number of replicas is the same. It optimizes
every 60 s (GLOBAL_OPT_INTERVAL).
"""

import math
from collections import deque

import numpy as np

from rorqual_engine.simulation.policy import Decision, Facts, Figures, View
from rorqual_engine.simulation.rivals.lengths import mean_lengths

SAMPLE_SECONDS = 15.0
PEAK_SECONDS = 60.0
LENGTHS_SECONDS = 300.0
HISTORY = 10
"""Observed capacities that are kept a bucket of answer lengths."""
SEARCH_V1: dict[str, tuple[float, ...]] = {
    "kv_threshold": (0.8, 0.6, 0.7, 0.9),
    "queue_threshold": (5, 2, 10, 20),
    "kv_spare_trigger": (0.1, 0.05, 0.2, 0.3),
    "queue_spare_trigger": (3, 1, 2, 4),
    "optimize_seconds": (60, 15, 30),
}
SEARCH_V2: dict[str, tuple[float, ...]] = {
    "kv_threshold": (0.8, 0.6, 0.7, 0.9),
    "queue_threshold": (5, 2, 10, 20),
    "scale_up_threshold": (0.85, 0.75, 0.95),
    "scale_down_boundary": (0.7, 0.4, 0.5, 0.6),
    "optimize_seconds": (60, 15, 30),
}
SEARCH = SEARCH_V1


class Peaks:
    """The highest of one minute of each replica's figures; replicas keep their order."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, Figures]] = deque()

    def of(self, now: float, figures: Figures) -> Figures:
        """With these among them; a change of the number of replicas begins anew."""
        while self._seen and (self._seen[0][0] <= now - PEAK_SECONDS or self._seen[0][1].shape != figures.shape):
            self._seen.popleft()
        self._seen.append((now, figures))
        return np.asarray(np.max([seen for _, seen in self._seen], axis=0), dtype=np.float64)


class Turns:
    """Of a loop that is slower than the samples; the first question is one."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = -math.inf

    def due(self, now: float) -> bool:
        if now < self._next - 1e-6:
            return False
        self._next = now + self._seconds
        return True


class WVAv1:
    """One more when the spare KV cache or queue runs low, one less when both would stay; one change at a time."""

    def __init__(
        self,
        facts: Facts,  # noqa: ARG002 - V1 knows nothing of a service beforehand
        *,
        kv_threshold: float = 0.8,
        queue_threshold: float = 5.0,
        kv_spare_trigger: float = 0.1,
        queue_spare_trigger: float = 3.0,
        optimize_seconds: float = 60.0,
    ) -> None:
        self.interval_seconds = SAMPLE_SECONDS
        self._turns = Turns(optimize_seconds)
        self._full = np.array([kv_threshold, queue_threshold])
        self._trigger = np.array([kv_spare_trigger, queue_spare_trigger])
        self._peaks = Peaks()

    def decide(self, view: View) -> Decision:
        if len(view.running) == 0:
            return Decision(max(view.asked, 1 if view.held else 0), "no replica reports")
        used = self._peaks.of(view.now, np.stack([view.kv_use, view.waiting], axis=1))
        if not self._turns.due(view.now):
            return Decision(view.asked, "between turns")
        if len(view.running) != view.asked:
            return Decision(view.asked, "in transition")
        free = used[np.all(used < self._full, axis=1)]
        spare = self._full - free.mean(axis=0) if len(free) else np.zeros(2)
        why = f"spare KV {spare[0]:.2f}, spare queue {spare[1]:.1f} in {len(free)} replicas"
        if np.any(spare < self._trigger):
            return Decision(view.asked + 1, why)
        if self._safe_without_one(len(free), spare):
            return Decision(view.asked - 1, why)
        return Decision(view.asked, why)

    def _safe_without_one(self, replicas: int, spare: Figures) -> bool:
        """Whether the load of the replicas that are not saturated leaves both spares when one of them goes."""
        if replicas < 2:
            return False
        left = self._full - (self._full - spare) * replicas / (replicas - 1)
        return bool(np.all(left >= self._trigger))


def bucket(output_tokens: float) -> str:
    """Of answer lengths, whose observed capacities are kept apart."""
    return "short" if output_tokens < 100 else "medium" if output_tokens < 500 else "long"


def derived_capacity(facts: Facts, input_tokens: float, output_tokens: float) -> float:
    """Tokens that a replica holds in its steady state: N * (I + O/2), N = min(B*O / (I+O), S)."""
    steady = facts.batched_tokens * output_tokens / (input_tokens + output_tokens)
    return math.floor(min(steady, facts.sequences) * (input_tokens + output_tokens / 2))


class WVAv2:
    """Tokens demanded against tokens that a replica can hold, by memory and by compute."""

    def __init__(
        self,
        facts: Facts,
        *,
        kv_threshold: float = 0.8,
        queue_threshold: float = 5.0,
        scale_up_threshold: float = 0.85,
        scale_down_boundary: float = 0.7,
        optimize_seconds: float = 60.0,
    ) -> None:
        if scale_up_threshold <= scale_down_boundary:
            raise ValueError(
                f"wva: scale_up_threshold must be above scale_down_boundary, "
                f"found {scale_up_threshold:g} and {scale_down_boundary:g}"
            )
        self.interval_seconds = SAMPLE_SECONDS
        self._turns = Turns(optimize_seconds)
        self._facts = facts
        self._memory_bound = math.floor(facts.kv_tokens * kv_threshold)
        self._queue_threshold = queue_threshold
        self._up, self._down = scale_up_threshold, scale_down_boundary
        self._observed: dict[str, deque[float]] = {}
        self._peaks = Peaks()

    def decide(self, view: View) -> Decision:
        lengths = mean_lengths(view.history, LENGTHS_SECONDS, self._facts)
        if len(view.running) == 0:
            return Decision(max(view.asked, 1 if view.held else 0), "no replica reports")
        used = self._peaks.of(view.now, np.stack([view.kv_use * self._facts.kv_tokens, view.waiting], axis=1))
        if not self._turns.due(view.now):
            return Decision(view.asked, "between turns")
        capacities = [self._replica_capacity(tokens, queue, *lengths) for tokens, queue in used]
        capacity = float(np.median(capacities))
        demand = float(used[:, 0].sum()) + (float(used[:, 1].sum()) + view.held) * sum(lengths)
        return Decision(self._replicas(view, demand, capacity), f"{demand:.0f} tokens / {capacity:.0f} a replica")

    def _replicas(self, view: View, demand: float, capacity: float) -> int:
        supply, pending = len(view.running) * capacity, view.asked - len(view.running)
        required = demand / self._up - supply - max(pending, 0) * capacity
        if required > 0:
            return view.asked + math.ceil(required / capacity)
        spare = supply - demand / self._down
        return max(view.asked - math.floor(max(spare, 0.0) / capacity), 1)

    def _replica_capacity(self, tokens: float, queue: float, input_tokens: float, output_tokens: float) -> float:
        """The lower of the bounds by memory and by compute; at least one token."""
        compute = self._compute_bound(tokens, queue, input_tokens, output_tokens)
        return max(min(self._memory_bound, compute), 1.0)

    def _compute_bound(self, tokens: float, queue: float, input_tokens: float, output_tokens: float) -> float:
        """Observed while the queue is long, else remembered, else derived from the engine's limits."""
        key = bucket(output_tokens)
        if queue >= int(self._queue_threshold) and tokens > 0:
            self._observed.setdefault(key, deque(maxlen=HISTORY)).append(tokens)
            return tokens
        if key in self._observed:
            return float(np.mean(self._observed[key]))
        return derived_capacity(self._facts, input_tokens, output_tokens) or self._memory_bound
