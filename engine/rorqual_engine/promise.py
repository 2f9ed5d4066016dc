"""What a service's requests are promised, and how many of them it is to be kept for."""

import math
from dataclasses import dataclass

from rorqual_engine.api.spec import LLMServiceSpec, Percentiles
from rorqual_engine.units import duration_seconds

LEAST_DEFAULT_GOAL = 0.9


@dataclass(frozen=True, slots=True)
class Promise:
    """Limits in seconds, infinite where there is none."""

    ttft_seconds: float
    itl_seconds: float
    goal: float
    """Share of requests that are to keep both."""


def read_promise(spec: LLMServiceSpec) -> Promise | None:
    """A request is good below the limit of the highest percentile that is given; None without objectives."""
    ttft, tpot = spec.objectives.ttft, spec.objectives.tpot
    given = [highest(limits) for limits in (ttft, tpot) if limits is not None]
    if not given:
        return None
    goal = spec.scaling.goal or max(LEAST_DEFAULT_GOAL, *(percentile / 100 for percentile, _ in given))
    return Promise(_limit(ttft), _limit(tpot), goal)


def highest(limits: Percentiles) -> tuple[int, float]:
    """The highest percentile that is given, and its limit in seconds."""
    given = ((99, limits.p99), (95, limits.p95), (90, limits.p90), (50, limits.p50))
    return next((percentile, duration_seconds(text)) for percentile, text in given if text is not None)


def _limit(limits: Percentiles | None) -> float:
    return highest(limits)[1] if limits is not None else math.inf
