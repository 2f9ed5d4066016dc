"""ENOVA's detection and recovery rules.

Source: Emerging-AI/ENOVA, enova/algo/service.py of the package enova 0.0.7 (llm_performance_ad, llm_config_recovery).
The repository's first commit (28ba13f) has 10 in place of 50 pending requests. What a short description leaves out and
the source has: it refuses to scale up while neither the KV cache nor the batch is at 90 %, and it holds until every
replica reports. Its other output, a new max_num_seqs and memory share, is left out: a simulated replica keeps its
configuration, so the ratio of KV memories in its formula is 1. The interval of detection is a setting of its Go part,
which is run with one minute here; Prometheus' samples are 15 s apart, as in the source's own example.
"""

import math

import numpy as np

from rorqual_engine.simulation.history import Column, History
from rorqual_engine.simulation.policy import Decision, Facts, View

SAMPLE_SECONDS = 15.0
SEARCH: dict[str, tuple[float, ...]] = {
    "pending_threshold": (50, 4, 10, 20, 100),
    "running_threshold": (0.1, 0.2, 0.3, 0.5),
    "kv_threshold": (0.1, 0.2, 0.3, 0.5),
    "detect_minutes": (3, 1, 2, 5),
}


def samples(history: History, name: str, count: int) -> Column:
    """A column as Prometheus had it: the newest value at each of the last `count` samples, the oldest first.

    Zeros before the run, as in the source.
    """
    at = history.column("at")
    if len(at) == 0:
        return np.zeros(count)
    places = np.searchsorted(at, at[-1] - SAMPLE_SECONDS * np.arange(count - 1, -1, -1) + 1e-9, side="right") - 1
    return np.where(places >= 0, history.column(name)[np.maximum(places, 0)], 0.0)


def minutes(values: Column) -> Column:
    """Samples of whole minutes as one row a minute."""
    return values.reshape(-1, round(60 / SAMPLE_SECONDS))


class Enova:
    """More on queues of three minutes, in the ratio of arrivals to successes; half when almost idle."""

    def __init__(
        self,
        facts: Facts,
        *,
        pending_threshold: float = 50.0,
        running_threshold: float = 0.1,
        kv_threshold: float = 0.1,
        detect_minutes: float = 3,
        interval_seconds: float = 60.0,
    ) -> None:
        self.interval_seconds = interval_seconds
        self._facts = facts
        self._pending, self._running, self._kv = pending_threshold, running_threshold, kv_threshold
        self._minutes = int(detect_minutes)

    def decide(self, view: View) -> Decision:
        if len(view.running) != view.asked or view.asked == 0:
            return Decision(view.asked, "not every replica reports")
        count = self._minutes * round(60 / SAMPLE_SECONDS)
        pending = minutes(samples(view.history, "waiting", count)).sum(axis=1)
        batch = minutes(samples(view.history, "running", count)).mean(axis=1) / view.asked / self._facts.sequences
        kv = minutes(samples(view.history, "kv_use", count)).mean(axis=1)
        if np.all(pending >= self._pending):
            return self._up(view, float(np.percentile(batch, 90)), float(np.percentile(kv, 90)))
        if view.asked > 1 and self._idle(batch, kv):
            return Decision(math.ceil(view.asked / 2), "almost idle")
        return Decision(view.asked, "no anomaly")

    def _idle(self, batch: Column, kv: Column) -> bool:
        detected = np.all(batch <= self._running) and np.all(kv <= self._kv)
        return bool(detected and np.percentile(batch, 90) < self._running and np.percentile(kv, 90) < self._kv)

    def _up(self, view: View, batch: float, kv: float) -> Decision:
        if kv < 0.9 and batch < 0.9:
            return Decision(view.asked, "pending, but neither KV cache nor batch is at 90 %")
        arrived, finished = (self._per_minute(view.history, name) for name in ("arrived", "finished"))
        if finished <= 0:
            return Decision(self._facts.max_replicas if arrived > 0 else view.asked, "pending, and nothing finishes")
        wanted = math.ceil(arrived / finished * view.asked)
        replicas = max(min(wanted, self._facts.max_replicas), view.asked)
        return Decision(replicas, f"pending; {arrived:.0f} arrive and {finished:.0f} finish a minute")

    def _per_minute(self, history: History, name: str) -> float:
        """P90 of the increase over a minute at the last samples."""
        minute = round(60 / SAMPLE_SECONDS)
        values = samples(history, name, minute + self._minutes)
        return float(np.percentile(values[minute:] - values[:-minute], 90))
