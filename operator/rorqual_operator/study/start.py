"""How many replicas a run begins with: the same for every policy."""

import numpy as np

from rorqual_engine.scaling.predictive import engine_seconds, miss_probability
from rorqual_engine.simulation.opening import opening
from rorqual_engine.simulation.pace import pace_of
from rorqual_engine.simulation.policy import Facts
from rorqual_engine.simulation.requests import Requests

MISSED = 0.05
"""Share of the opening's requests that a warm start may miss by the law of queues."""


def cold(facts: Facts) -> int:
    """One replica, or as many as the service always has."""
    return max(1, facts.min_replicas)


def warm(facts: Facts, requests: Requests, opening_seconds: float) -> int:
    """The fewest on which the demand of the opening is answered in time; the most where none suffices."""
    first = opening(requests, opening_seconds)
    if first.requests_per_second == 0:
        return cold(facts)
    pace = pace_of(facts, first.input_tokens, first.output_tokens)
    numbers = np.arange(cold(facts), facts.max_replicas + 1, dtype=np.float64)
    offered = np.full(len(numbers), first.requests_per_second * engine_seconds(pace))
    enough = (miss_probability(pace, offered, np.zeros(len(numbers)), numbers) <= MISSED) & (offered < numbers)
    return int(numbers[int(np.argmax(enough))]) if enough.any() else facts.max_replicas
