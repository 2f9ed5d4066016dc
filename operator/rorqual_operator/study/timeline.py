"""One run over time, small enough to draw."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.simulation.run import Outcome

BINS = 240
Column = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Every array has one entry a bin."""

    at: Column
    """Middle of the bin, seconds of the run."""
    load: Column
    """Requests a second that arrived."""
    asked: Column
    ready: Column
    """Replicas."""
    ttft_p95: Column
    """Seconds, of the requests that arrived in the bin; not a number where none did or one in twenty had no answer."""


def timeline(outcome: Outcome) -> Timeline:
    """Bins of one width from the run's beginning to its end."""
    requests, state = outcome.service.requests, outcome.fleet.state
    edges = np.linspace(0.0, max(requests.duration_seconds, 1e-9), BINS + 1)
    at = (edges[1:] + edges[:-1]) / 2
    counts, _ = np.histogram(state.arrival, edges)
    history = outcome.history
    seen = np.maximum(np.searchsorted(history.column("at"), at, side="right") - 1, 0)
    ttft = np.where(np.isnan(state.first), np.inf, state.first - state.arrival)
    return Timeline(
        at=at,
        load=counts / np.diff(edges),
        asked=history.column("asked")[seen],
        ready=history.column("ready")[seen],
        ttft_p95=np.array([_p95(part) for part in np.split(ttft, np.searchsorted(state.arrival, edges[1:-1]))]),
    )


def _p95(seconds: Column) -> float:
    found = float(np.percentile(seconds, 95, method="higher")) if len(seconds) else np.nan
    return found if np.isfinite(found) else np.nan
