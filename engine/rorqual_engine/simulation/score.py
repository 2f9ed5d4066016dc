"""How well a service did: the figures that policies are compared by."""

from dataclasses import asdict, dataclass

import numpy as np

from rorqual_engine.simulation.run import Outcome


@dataclass(frozen=True, slots=True)
class Score:
    """Of one service in one run, or of several. A request is good when it was answered within both objectives."""

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


def score(*outcomes: Outcome) -> Score:
    """The figures of one service, or of several together; where the run's end cut a request off, it took forever."""
    ttft, itl = (np.concatenate([of(one) for one in outcomes]) for of in (_ttft, _itl))
    requests = len(ttft)
    good = sum(int(request_is_good(one).sum()) for one in outcomes)
    gpu_seconds = sum(one.fleet.gpu_seconds(one.service.requests.duration_seconds) for one in outcomes)
    steps = [_steps(one) for one in outcomes]
    return Score(
        requests=requests,
        good_rate=good / requests if requests else 1.0,
        gpu_hours=gpu_seconds / 3600,
        goodput_per_gpu=good / gpu_seconds if gpu_seconds else 0.0,
        **{f"ttft_p{p}": _percentile(ttft, p) for p in (50, 95, 99)},
        **{f"itl_p{p}": _percentile(itl, p) for p in (50, 95, 99)},
        scale_actions=sum(len(one) for one in steps),
        reversals=sum(int((np.sign(one[1:]) != np.sign(one[:-1])).sum()) for one in steps),
        pending_seconds=sum(one.fleet.pending_seconds for one in outcomes),
    )


def _steps(outcome: Outcome) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Changes of replicas, in their order."""
    return np.array([one.replicas - one.before for one in outcome.decisions if one.replicas != one.before], np.int64)


def request_is_good(outcome: Outcome) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Of each request in the order of arrival: whether it was answered within both objectives."""
    facts = outcome.service.facts
    done = np.isfinite(outcome.fleet.state.last)
    good: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        done & (_ttft(outcome) <= facts.ttft_seconds) & (_itl(outcome) <= facts.itl_seconds)
    )
    return good


def _ttft(outcome: Outcome) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Infinite where no first token came."""
    state = outcome.fleet.state
    return np.where(np.isnan(state.first), np.inf, state.first - state.arrival)


def _itl(outcome: Outcome) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Mean time per token after the first; 0 for answers of one token, infinite for unfinished ones."""
    state = outcome.fleet.state
    last = np.where(np.isnan(state.last), np.inf, state.last)
    first = np.where(np.isnan(state.first), 0.0, state.first)
    mean: np.ndarray[tuple[int], np.dtype[np.float64]] = (last - first) / np.maximum(state.output - 1, 1)
    return np.where((state.output == 1) & np.isfinite(last), 0.0, mean)


def _percentile(values: np.ndarray[tuple[int], np.dtype[np.float64]], percent: int) -> float:
    return float(np.percentile(values, percent, method="higher")) if len(values) else 0.0
