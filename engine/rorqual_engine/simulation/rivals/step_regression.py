"""A regression of step time on what is in the step, as Dynamo's planner keeps it for an aggregated engine.

Source: ai-dynamo/dynamo, dynamo/planner/core/perf_model/base.py and agg.py of the package ai-dynamo 1.4.2 (the Python
model; a Rust one with the same questions stands before it). Like there, steps that were measured before the deployment
come first; they do not count in the moving averages, where the source lets them count too and would take its own
benchmark for load. Speculative decoding and prefix hits are left out.
"""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from rorqual_engine.simulation.policy import Facts, View
from rorqual_engine.simulation.rivals.lengths import mean_lengths

SAMPLES = 64
BUCKETS = 4
"""An axis; 16 in all."""
MINIMUM = 5
LENGTHS_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Step:
    """One forward pass."""

    prefill_tokens: float
    decode_kv_tokens: float
    sequences: float
    seconds: float

    @property
    def place(self) -> tuple[float, float]:
        return self.prefill_tokens, self.decode_kv_tokens


@dataclass(frozen=True, slots=True)
class Engine:
    """What an engine reports between two steps."""

    step: Step
    queued_prefill_tokens: float


@dataclass(frozen=True, slots=True)
class Rate:
    """The best of one engine under the objectives; its own latencies there."""

    requests_per_second: float
    ttft_seconds: float
    itl_seconds: float


def engines_of(view: View, facts: Facts) -> list[Engine]:
    """What each replica's engine would report: a step of the service's true timing, of which the model is not told."""
    made = []
    for running, kv_use, waiting in zip(view.running, view.kv_use, view.waiting_tokens, strict=True):
        prefill = min(waiting, max(facts.batched_tokens - running, 0.0))
        made.append(Engine(step_of(facts, prefill, kv_use * facts.kv_tokens, running), waiting - prefill))
    return made


def step_of(facts: Facts, prefill_tokens: float, decode_kv_tokens: float, sequences: float) -> Step:
    """A step with that in it, timed."""
    seconds = facts.timing.decode_seconds(sequences, decode_kv_tokens) + facts.timing.prefill_seconds(prefill_tokens)
    return Step(prefill_tokens, decode_kv_tokens, sequences, seconds)


def benchmark(facts: Facts) -> list[Step]:
    """The steps that are measured before a deployment: 4 loads of prompts by 4 of sequences of the expected length."""
    context = facts.input_tokens + facts.output_tokens / 2
    most = max(min(facts.sequences, facts.kv_tokens / context), 1.0)
    shares = (0.0, 1 / 3, 2 / 3, 1.0)
    return [
        step_of(facts, prompts * facts.batched_tokens, held * most * context, held * most)
        for prompts in shares
        for held in shares
    ]


class Average:
    """Of the last 64 values; leading zeros are ignored."""

    def __init__(self) -> None:
        self._values: deque[float] = deque(maxlen=SAMPLES)

    def add(self, value: float) -> None:
        if value != 0 or self._values:
            self._values.append(value)

    @property
    def value(self) -> float:
        return sum(self._values) / len(self._values) if self._values else 0.0


class StepRegression:
    """Seconds = intercept + a * prefill tokens + b * KV tokens, on samples that are spread over both axes."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._steps: list[Step] = []
        self._fitted: tuple[float, float, float] | None = None
        self._prefill, self._decode_length = Average(), Average()
        self._input_tokens = facts.input_tokens
        for step in benchmark(facts):
            self.add(step)

    def observe(self, view: View) -> list[Engine]:
        """Takes what the engines report into account, and returns it."""
        self._input_tokens, _ = mean_lengths(view.history, LENGTHS_SECONDS, self._facts)
        engines = engines_of(view, self._facts)
        for engine in engines:
            self._average(engine.step)
            if engine.step.sequences > 0 or engine.step.prefill_tokens > 0:
                self.add(engine.step)
        return engines

    def _average(self, step: Step) -> None:
        self._prefill.add(step.prefill_tokens)
        if step.sequences > 0:
            self._decode_length.add(step.decode_kv_tokens / step.sequences)

    def add(self, step: Step) -> None:
        """The oldest sample of the fullest bucket makes room."""
        self._steps.append(step)
        if len(self._steps) > SAMPLES:
            self._steps.pop(self._crowded())
        self._fitted = None

    def _crowded(self) -> int:
        places = np.array([step.place for step in self._steps])
        low, spread = places.min(axis=0), np.ptp(places, axis=0)
        cells = np.minimum((places - low) / np.where(spread > 0, spread, 1.0) * BUCKETS, BUCKETS - 1).astype(int)
        keys = cells[:, 0] * BUCKETS + cells[:, 1]
        return int(np.argmax(keys == np.bincount(keys).argmax()))

    @property
    def ready(self) -> bool:
        """False with few samples, and where more load would take less time."""
        return self._coefficients() is not None

    def _coefficients(self) -> tuple[float, float, float] | None:
        if self._fitted is None and len(self._steps) >= MINIMUM:
            places = np.array([(1.0, *step.place) for step in self._steps])
            seconds = np.array([step.seconds for step in self._steps])
            base, prefill, decode = (float(found) for found in np.linalg.lstsq(places, seconds, rcond=None)[0])
            self._fitted = (base, prefill, decode) if min(prefill, decode) >= 0 else None
        return self._fitted

    def seconds(self, prefill_tokens: float, decode_kv_tokens: float) -> float:
        """Of one step; the model must be ready."""
        fitted = self._coefficients()
        if fitted is None:
            raise ValueError("step regression: not ready; expected a check of `ready` before a question")
        return max(fitted[0] + fitted[1] * prefill_tokens + fitted[2] * decode_kv_tokens, 1e-6)

    def ttft(self, queued_tokens: float, decode_kv_tokens: float) -> float:
        """Of the next request: steps full of prompts until the queue and its own are prefilled."""
        total, room = queued_tokens + self._input_tokens, self._facts.batched_tokens
        full, rest = divmod(total, room)
        last = self.seconds(rest, decode_kv_tokens) if rest > 0 else 0.0
        return full * self.seconds(room, decode_kv_tokens) + last

    def itl(self, decode_kv_tokens: float) -> float:
        """With one more sequence of the usual length and the usual prompt tokens in a step."""
        return self.seconds(self._prefill.value, decode_kv_tokens + self._decode_length.value)

    def best_rate(self, input_tokens: float, output_tokens: float) -> Rate | None:
        """At the largest batch that keeps both objectives; at one sequence where none does. None for no lengths."""
        if input_tokens <= 0 or output_tokens <= 0 or not self.ready:
            return None
        best = self._rate(1, input_tokens, output_tokens)
        for batch in range(2, self._largest_batch(input_tokens, output_tokens) + 1):
            if not self._keeps(best):
                break
            rate = self._rate(batch, input_tokens, output_tokens)
            if not self._keeps(rate):
                break
            best = rate
        return best

    def _keeps(self, rate: Rate) -> bool:
        return rate.ttft_seconds <= self._facts.ttft_seconds and rate.itl_seconds <= self._facts.itl_seconds

    def _largest_batch(self, input_tokens: float, output_tokens: float) -> int:
        """By KV cache, by sequences, and where a step's room for prompts admits as many as finish in it."""
        fits = max(1, int(self._facts.kv_tokens / (input_tokens + output_tokens / 2)))
        balanced = self._facts.batched_tokens / (1 + input_tokens / max(1.0, output_tokens))
        return max(1, min(fits, self._facts.sequences, math.floor(balanced + 1e-9)))

    def _rate(self, batch: int, input_tokens: float, output_tokens: float) -> Rate:
        held = batch * (input_tokens + output_tokens / 2)
        prefill = min(batch * input_tokens / max(1.0, output_tokens), self._facts.batched_tokens)
        seconds = self.seconds(prefill, held)
        finished = batch / (output_tokens * seconds)
        admitted = (self._facts.batched_tokens - batch) / (input_tokens * seconds)
        return Rate(min(finished, admitted), self.ttft(math.floor(prefill), math.floor(held)), seconds)
