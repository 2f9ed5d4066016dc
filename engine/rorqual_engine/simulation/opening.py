"""What a service saw just before a run begins, for runs that begin warm: the minutes before looked like the first ones.

A runner sets its first replicas by `opening`, or runs the requests of `lead_in` and scores what comes after it.
"""

from dataclasses import dataclass

from rorqual_engine.simulation.requests import Requests
from rorqual_engine.simulation.reshape import concatenate, cut

OPENING_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Opening:
    """Mean demand of a run's first seconds."""

    seconds: float
    requests_per_second: float
    input_tokens: float
    """Mean prompt; 0 where nothing arrives. Cached tokens are part of it."""
    output_tokens: float


def opening(requests: Requests, seconds: float = OPENING_SECONDS) -> Opening:
    """The demand that replicas of a warm start are there for."""
    first = cut(requests, 0.0, min(seconds, requests.duration_seconds))
    if len(first) == 0:
        return Opening(first.duration_seconds, 0.0, 0.0, 0.0)
    return Opening(
        first.duration_seconds,
        first.requests_per_second,
        float(first.input_tokens.mean()),
        float(first.output_tokens.mean()),
    )


def lead_in(requests: Requests, seconds: float = OPENING_SECONDS) -> Requests:
    """The requests with their first `seconds` once more before them: leave those out of the score."""
    return concatenate(cut(requests, 0.0, min(seconds, requests.duration_seconds)), requests)
