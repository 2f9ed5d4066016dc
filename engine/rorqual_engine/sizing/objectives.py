"""What good service means to the search: limits at percentiles, and how sure a prediction is to keep them.

The performance law predicts the median request of a closed loop. Two measured facts lead from there to a percentile:

* Prompts differ in length, and the time to first token grows with one's own prompt at most in proportion. In the two
  production services of the Azure trace of 2023 (28,185 requests; AzurePublicDataset, CC-BY 4.0) prompts at the 90th,
  95th and 99th percentile have 2.4 / 2.5, 3.5 / 3.6 and 3.6 / 3.6 times the mean length (conversation / code; both
  services end at a longest context, hence the small step to 99).
  Where the workload tells percentiles of its prompts, those count instead, but never less than the mean: what a prompt
  waits for does not shrink with it.
* A sequence is never among more than the engine's most concurrent sequences, so its time per output token at any
  percentile is at most the one with all of them busy, which is what is asked for.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.sizing.performance.prediction import INTERVAL_DEVIATIONS
from rorqual_engine.sizing.spread import Spread
from rorqual_engine.units import duration_seconds

CONFIDENCE = 0.7
"""With which all objectives together must be kept unless something else is asked for: on measured curves the law that
nobody has calibrated loses a fifth of the goodput by it, and a quarter by 0.9 (bench/sizing.py, regret_by_confidence).
"""
PROMPT_SPREAD = {50: 1.0, 90: 2.5, 95: 3.6, 99: 3.7}
"""Length of a prompt at that percentile over the mean, where the workload tells none; at the median the prediction."""

Signal = Literal["ttft", "tpot"]


@dataclass(frozen=True, slots=True)
class Objective:
    """An upper limit on a latency at a percentile over requests."""

    signal: Signal
    percentile: int
    seconds: float
    spread: float
    """What the predicted median is multiplied with."""

    @classmethod
    def at(cls, signal: Signal, percentile: int, seconds: float, prompts: Spread) -> "Objective":
        """The limit for prompts of that spread."""
        if signal == "tpot":
            return cls(signal, percentile, seconds, 1.0)
        return cls(signal, percentile, seconds, max(1.0, prompts.at(percentile, PROMPT_SPREAD[percentile])))

    def __str__(self) -> str:
        return f"{self.signal}.p{self.percentile}"


def prompt_spread(spec: LLMServiceSpec) -> Spread:
    """Of the workload's prompts."""
    return Spread.of(spec.workload.input_lengths, spec.workload.input_tokens)


def answer_spread(spec: LLMServiceSpec) -> Spread:
    """Of the workload's answers."""
    return Spread.of(spec.workload.output_lengths, spec.workload.output_tokens)


def read_objectives(spec: LLMServiceSpec) -> tuple[Objective, ...]:
    """All limits of a spec, in its order."""
    signals: tuple[Signal, ...] = ("ttft", "tpot")
    texts = {
        (signal, percentile): getattr(limits, f"p{percentile}")
        for signal in signals
        if (limits := getattr(spec.objectives, signal)) is not None
        for percentile in PROMPT_SPREAD
    }
    prompts = prompt_spread(spec)
    return tuple(Objective.at(*key, duration_seconds(text), prompts) for key, text in texts.items() if text is not None)


def deviations(confidence: float, objectives: int) -> float:
    """Standard deviations to keep below a limit, so that all objectives together are kept with that confidence.

    By Bonferroni's bound, which holds however their errors go together. Raises ValueError outside 0.5 to below 1.
    """
    if not 0.5 <= confidence < 1:
        raise ValueError(f"confidence {confidence:g}: expected at least 0.5 and below 1")
    return NormalDist().inv_cdf(1 - (1 - confidence) / max(1, objectives))


def probability(value: float, high: float, limit: float) -> float:
    """That a value with a lognormal error stays within `limit`; `high` is the upper end of its 90 % interval."""
    sigma = math.log(high / value) / INTERVAL_DEVIATIONS
    distance = math.log(limit / value)
    if sigma <= 0:
        return float(distance >= 0)
    return NormalDist().cdf(distance / sigma)
