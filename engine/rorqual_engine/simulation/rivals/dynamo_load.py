"""The "easy" modes of NVIDIA Dynamo's planner (optimization_target throughput, latency and load), aggregated serving.

Source: ai-dynamo/dynamo, dynamo/planner/core/load_scaling.py (_agg_easy_decision) and state_machine.py of the package
ai-dynamo 1.4.2. An engine's use is (KV of scheduled sequences + KV of queued ones + queued prompt tokens) / max_kv; the
separate prefill thresholds on queued_tokens/context_length are of disaggregated serving only. The load mode has no
default thresholds (0.8 and 0.4 are ours); its comparisons include the threshold itself.
"""

from typing import Literal

import numpy as np

from rorqual_engine.simulation.policy import Decision, Facts, View

Mode = Literal["throughput", "latency", "load"]
THRESHOLDS: dict[str, tuple[float, float]] = {"throughput": (1.0, 0.6), "latency": (0.4, 0.1), "load": (0.8, 0.4)}
"""Up and down."""
SEARCH: dict[str, tuple[float, ...]] = {"interval_seconds": (5, 15, 30)}
"""The thresholds of these two modes are constants of the source."""
SEARCH_LOAD: dict[str, tuple[float, ...]] = {
    "up": (0.8, 0.5, 0.6, 0.9, 1.0),
    "down": (0.4, 0.1, 0.2),
    "interval_seconds": (5, 15, 30),
}


class DynamoLoad:
    """One more when any engine is above a threshold, one less when all are below another; one change in flight."""

    def __init__(
        self,
        facts: Facts,
        *,
        mode: Mode = "throughput",
        up: float | None = None,
        down: float | None = None,
        interval_seconds: float = 5.0,
    ) -> None:
        if mode not in THRESHOLDS:
            raise ValueError(f"dynamo: mode must be one of {', '.join(THRESHOLDS)}, found {mode!r}")
        if mode != "load" and (up is not None or down is not None):
            raise ValueError(f"dynamo: mode {mode} has fixed thresholds; only mode load takes up and down")
        usual_up, usual_down = THRESHOLDS[mode]
        self.interval_seconds = interval_seconds
        self._kv_tokens = facts.kv_tokens
        self._inclusive = mode == "load"
        self._up, self._down = usual_up if up is None else up, usual_down if down is None else down

    def decide(self, view: View) -> Decision:
        if view.ready != view.asked or view.missing or view.asked == 0:
            return Decision(view.asked, "scaling in progress")
        use = view.kv_use + view.waiting_tokens / self._kv_tokens
        why = f"use {use.min():.2f} to {use.max():.2f}"
        if np.any(use > self._up) or (self._inclusive and np.any(use == self._up)):
            return Decision(view.asked + 1, why)
        if np.all(use < self._down) or (self._inclusive and np.all(use <= self._down)):
            return Decision(max(view.asked - 1, 1), why)
        return Decision(view.asked, why)
