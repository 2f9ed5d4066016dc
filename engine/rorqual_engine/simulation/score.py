"""How well a service did: the figures that policies are compared by."""

from dataclasses import asdict, dataclass

import numpy as np

from rorqual_engine.simulation.run import Outcome


@dataclass(frozen=True, slots=True)
class Score:
    """Of one service in one run. A request is good when it was answered within both objectives."""

    requests: int
    good_rate: float
    """Share of good requests among all that arrived."""
    gpu_hours: float
    """Starting and draining replicas count."""
    goodput_per_gpu: float
    """Good requests a second and GPU held."""
    ttft_p50: float
    ttft_p95: float
    ttft_p99: float
    itl_p50: float
    itl_p95: float
    itl_p99: float
    scale_actions: int
    reversals: int
    """Changes of direction."""
    pending_seconds: float
    """Replicas times seconds without GPUs."""

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def score(outcome: Outcome) -> Score:
    """The figures; latencies of requests that the run's end cut off count as infinite."""
    fleet, requests, facts = outcome.fleet, outcome.service.requests, outcome.service.facts
    state = fleet.state
    ttft = np.where(np.isnan(state.first), np.inf, state.first - state.arrival)
    itl = _itl(outcome)
    done = np.isfinite(state.last)
    good = int((done & (ttft <= facts.ttft_seconds) & (itl <= facts.itl_seconds)).sum())
    gpu_seconds = fleet.gpu_seconds(requests.duration_seconds)
    steps = np.array([one.replicas - one.before for one in outcome.decisions if one.replicas != one.before])
    return Score(
        requests=len(requests),
        good_rate=good / len(requests) if len(requests) else 1.0,
        gpu_hours=gpu_seconds / 3600,
        goodput_per_gpu=good / gpu_seconds if gpu_seconds else 0.0,
        **{f"ttft_p{p}": _percentile(ttft, p) for p in (50, 95, 99)},
        **{f"itl_p{p}": _percentile(itl, p) for p in (50, 95, 99)},
        scale_actions=len(steps),
        reversals=int((np.sign(steps[1:]) != np.sign(steps[:-1])).sum()),
        pending_seconds=fleet.pending_seconds,
    )


def _itl(outcome: Outcome) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Mean time per token after the first; 0 for answers of one token, infinite for unfinished ones."""
    state = outcome.fleet.state
    last = np.where(np.isnan(state.last), np.inf, state.last)
    first = np.where(np.isnan(state.first), 0.0, state.first)
    mean: np.ndarray[tuple[int], np.dtype[np.float64]] = (last - first) / np.maximum(state.output - 1, 1)
    return np.where((state.output == 1) & np.isfinite(last), 0.0, mean)


def _percentile(values: np.ndarray[tuple[int], np.dtype[np.float64]], percent: int) -> float:
    return float(np.percentile(values, percent, method="higher")) if len(values) else 0.0
