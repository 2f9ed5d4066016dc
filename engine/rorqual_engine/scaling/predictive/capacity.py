"""What share of requests misses its objectives on so many replicas under such a load.

Offered load is in replicas: arrivals a second times `engine_seconds`, the time that one request takes of a replica that
works at its best. A queue of work in front of the replicas delays everybody by work over replicas. On top of it comes
the queue that chance makes: M/G/n with the probability of waiting by Sakasegawa's exponent, sqrt(2(n+1)) - 1 (Whitt
1993, "Approximations for the GI/G/m queue"), and an exponential tail.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Figure = Any
"""float, or Array."""
LENGTH_QUANTILES = np.exp(0.8 * np.array([-1.282, -0.454, 0.189, 0.842, 1.282, 1.881])) / np.exp(0.32)
"""Lengths over their mean: a lognormal with a sigma of 0.8, as production prompts have (Azure)."""
LENGTH_WEIGHTS = np.array([0.2, 0.25, 0.25, 0.15, 0.1, 0.05])
VARIATION = float(np.expm1(0.64))
"""Squared coefficient of variation of such lengths."""
PROMPT_BURST = 1.3
"""Variance over mean of the others' prompts, in mean prompts; fitted as below."""
FULLEST = 0.98
"""Utilisation up to which a queue is taken as stationary; beyond it the backlog tells more."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A replica's speed for the requests that come now, and what they are promised. Seconds.

    Every field is a number, or an array with one entry a service that is broadcast with the others.
    """

    prefill_seconds: Figure
    """Of the mean prompt."""
    step_seconds: Figure
    """Of a decode step, whatever is in it."""
    sequence_seconds: Figure
    """That one sequence of the mean length adds to it."""
    sequences: Figure
    """That a replica can work on at once."""
    input_tokens: Figure
    output_tokens: Figure
    ttft_seconds: Figure
    """Objective."""
    itl_seconds: Figure
    """Objective."""


def stacked(paces: Sequence[Pace]) -> Pace:
    """Of several services, one entry each."""
    return Pace(*(np.array([getattr(pace, one.name) for pace in paces], dtype=np.float64) for one in fields(Pace)))


def engine_seconds(pace: Pace) -> Figure:
    """Of a replica, for one request: its prompt, and its share of the decode steps."""
    token = pace.step_seconds / pace.sequences + pace.sequence_seconds
    return pace.prefill_seconds + np.maximum(0.0, pace.output_tokens - 1) * token


def miss_probability(pace: Pace, offered: Array, backlog_seconds: Array, replicas: Array) -> Array:
    """Share of the requests arriving now that miss TTFT or ITL; the arrays are broadcast.

    `offered` is in replicas, `backlog_seconds` the work that waits, in seconds of one replica.
    """
    count = np.maximum(replicas, 1e-9)
    busy = np.minimum(offered / count, FULLEST)
    delay = backlog_seconds / count
    ttft = _late_first_token(pace, busy, delay, count)
    itl = _slow_tokens(pace, busy, delay, count)
    missed: Array = np.where(replicas < 0.5, 1.0, 1.0 - (1.0 - ttft) * (1.0 - itl))
    return missed


def _late_first_token(pace: Pace, busy: Array, delay: Array, count: Array) -> Array:
    """Mean over the prompts' lengths, one after the other: an axis for them costs a third more time."""
    waits = busy ** (np.sqrt(2.0 * (count + 1.0)) - 1.0)
    leaving = 2.0 * count * (1.0 - busy) / (engine_seconds(pace) * (1.0 + VARIATION))
    spare = pace.ttft_seconds - pace.step_seconds - delay
    late = np.zeros(())
    for length, weight in zip(LENGTH_QUANTILES, LENGTH_WEIGHTS, strict=True):
        slack = spare - length * pace.prefill_seconds
        late = late + weight * np.where(slack <= 0, 1.0, waits * np.exp(-leaving * np.maximum(slack, 0.0)))
    return late


def _slow_tokens(pace: Pace, busy: Array, delay: Array, count: Array) -> Array:
    """Others' prompts among a request's decode steps: gamma distributed, by Wilson and Hilferty's cube root.

    The mean work of others within the time that the answer may take falls with the number of replicas, for the gateway
    picks the emptiest, and rises where queues form; both exponents are fitted to simulated fleets at rest
    (bench/simulator.py), 1 to 12 replicas at 14 to 97 % of their capacity.
    """
    tokens = np.maximum(1.0, pace.output_tokens - 1)
    span = tokens * pace.itl_seconds
    share = pace.prefill_seconds / engine_seconds(pace)
    spare = tokens * (pace.itl_seconds - _decode_seconds(pace, busy, tokens, share)) - np.minimum(delay, span) * share
    mean = np.maximum(busy * share * span * count**-0.4 / np.sqrt(1.0 - busy**2), 1e-9)
    ninth = pace.prefill_seconds * PROMPT_BURST / mean / 9.0
    distance = (np.cbrt(np.maximum(spare, 0.0) / mean) - (1.0 - ninth)) / np.sqrt(ninth)
    slow: Array = np.where(spare <= 0, 1.0, 1.0 / (1.0 + np.exp(np.clip(1.702 * distance, -60.0, 60.0))))
    return slow


def _decode_seconds(pace: Pace, busy: Array, tokens: Figure, share: Figure) -> Array:
    """Of one step, with as many sequences in it as Little's law gives; at most as many as a replica can work on."""
    rate = busy / engine_seconds(pace)
    filled = np.minimum(pace.sequence_seconds * rate * tokens / np.maximum(1.0 - busy * share, 0.01), 0.99)
    most = pace.step_seconds + pace.sequence_seconds * pace.sequences
    seconds: Array = np.minimum(pace.step_seconds / (1.0 - filled), most)
    return seconds
