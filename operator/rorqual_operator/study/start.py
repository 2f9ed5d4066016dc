"""How many replicas a run begins with: the same for every policy."""

import numpy as np

from rorqual_engine.scaling.predictive import Pace, engine_seconds, miss_probability
from rorqual_engine.simulation.opening import opening
from rorqual_engine.simulation.policy import Facts
from rorqual_engine.simulation.requests import Requests

MISSED = 0.05
"""Share of the opening's requests that a warm start may miss by the law of queues."""
SHARE_OF_CACHE = 0.9


def cold(facts: Facts) -> int:
    """One replica, or as many as the service always has."""
    return max(1, facts.min_replicas)


def warm(facts: Facts, requests: Requests, opening_seconds: float) -> int:
    """The fewest on which the demand of the opening is answered in time; the most where none suffices."""
    first = opening(requests, opening_seconds)
    if first.requests_per_second == 0:
        return cold(facts)
    pace = _pace(facts, first.input_tokens, first.output_tokens)
    numbers = np.arange(cold(facts), facts.max_replicas + 1, dtype=np.float64)
    offered = np.full(len(numbers), first.requests_per_second * engine_seconds(pace))
    enough = (miss_probability(pace, offered, np.zeros(len(numbers)), numbers) <= MISSED) & (offered < numbers)
    return int(numbers[int(np.argmax(enough))]) if enough.any() else facts.max_replicas


def _pace(facts: Facts, prompt: float, answer: float) -> Pace:
    timing = facts.timing
    return Pace(
        prefill_seconds=timing.prefill_seconds(prompt),
        step_seconds=timing.step_seconds,
        sequence_seconds=timing.sequence_seconds + timing.context_seconds * (prompt + answer / 2),
        sequences=max(1.0, min(float(facts.sequences), SHARE_OF_CACHE * facts.kv_tokens / (prompt + answer))),
        output_tokens=answer,
        ttft_seconds=facts.ttft_seconds,
        itl_seconds=facts.itl_seconds,
    )
