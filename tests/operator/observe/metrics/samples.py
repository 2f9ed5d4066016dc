"""Samples of engines by what they counted."""

from pathlib import Path
from typing import Any

from rorqual_operator.observe.metrics.sample import Sample

EXPOSITIONS = Path(__file__).parent / "expositions"
INF = float("inf")


def exposition(version: str) -> str:
    """What vLLM's /metrics shows: `v1` with recent names, `v0` with those up to 0.10."""
    return (EXPOSITIONS / f"vllm-{version}.txt").read_text()


def sample(at: float = 0.0, source: str = "scrape", **parts: Any) -> Sample:
    """A complete one; `parts` replace gauges, counters, histograms or cache."""
    return Sample(at, source, **{"gauges": {"running": 0.0, "waiting": 0.0}, **parts})
