"""One reading of one engine: cumulative counters and histograms, and gauges, under canonical names."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rorqual_engine.snapshot import CacheConfig

Buckets = Mapping[float, float]
"""Cumulative counts by upper bound in seconds, +Inf included."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one engine showed at one time. A name that the engine did not show is absent."""

    observed_at: float
    source: str
    gauges: Mapping[str, float] = field(default_factory=dict)
    counters: Mapping[str, float] = field(default_factory=dict)
    histograms: Mapping[str, Buckets] = field(default_factory=dict)
    cache: CacheConfig | None = None

    @property
    def complete(self) -> bool:
        """Whether the two gauges that every decision needs are there, and make sense."""
        return self.gauges.get("running", -1) >= 0 and self.gauges.get("waiting", -1) >= 0
