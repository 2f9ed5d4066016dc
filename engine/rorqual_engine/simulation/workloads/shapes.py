"""Shapes of demand that last an hour, so that more is measured than how soon the right level is found.

Lengths of a chat have the medians and means of Azure's conversation trace of 2023 (1,020 and 1,155 tokens in, 129 and
211 out). One H100 with an 8B model serves about ten such requests a second.
"""

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.simulation.arrivals import RateCurve, arrivals
from rorqual_engine.simulation.lengths import Lengths, Lognormal
from rorqual_engine.simulation.opening import OPENING_SECONDS
from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.workloads.workload import Workload, drawn

HOUR = 3600.0
CHAT_INPUTS, CHAT_OUTPUTS = Lognormal(1020, 0.5), Lognormal(129, 1.0)
PREFILL_INPUTS, PREFILL_OUTPUTS = Lognormal(4000, 0.5), Lognormal(50, 0.5)
DECODE_INPUTS, DECODE_OUTPUTS = Lognormal(300, 0.5), Lognormal(1000, 0.5)
CYCLES_OPENING = 60.0
"""Within which a cycle has hardly begun to turn."""
_PERIOD = 1200.0
_SHIFT_RATE = 8.0
_SHIFT_BEGIN, _SHIFT_END = 1200.0, 2400.0
_BURSTS = 6
_BURSTS_BEGIN = 300.0
_BURST_FACTORS = (2.0, 5.0)
_BURST_SECONDS = (20.0, 120.0)
_BURSTS_RATE = 8.0
_BURSTS_CV = 2.0


def cycles_curve(phase: float) -> RateCurve:
    """22 ± 18 requests/s, three periods in the hour; `phase` in periods, 0 begins at the lowest."""
    return RateCurve.of_function(lambda at: 22.0 - 18.0 * np.cos(2 * np.pi * (at / _PERIOD + phase)), HOUR)


def shape(name: str, description: str, curve: RateCurve, opening_seconds: float = OPENING_SECONDS) -> Workload:
    """A chat at a rate that changes."""
    return Workload(
        name=name,
        description=description,
        source="chat lengths",
        duration_seconds=curve.duration_seconds,
        make=lambda generator: drawn(curve, CHAT_INPUTS, CHAT_OUTPUTS, generator),
        opening_seconds=opening_seconds,
    )


def _ramp(at: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.interp(at, [0.0, 600.0, 2100.0, 2700.0, HOUR], [4.0, 4.0, 40.0, 40.0, 4.0])


def _composition_shift(generator: np.random.Generator) -> Requests:
    """Each request is of the second kind with a probability that rises from 0 to 1 in the middle of the hour."""
    at = arrivals(RateCurve.of_steps([0.0], [_SHIFT_RATE], HOUR), generator)
    second = generator.random(len(at)) < np.interp(at, [_SHIFT_BEGIN, _SHIFT_END], [0.0, 1.0])
    prompts = _either(second, PREFILL_INPUTS, DECODE_INPUTS, generator)
    return requests_of(at, prompts, _either(second, PREFILL_OUTPUTS, DECODE_OUTPUTS, generator), HOUR)


def _either(
    second: NDArray[np.bool_], first: Lengths, other: Lengths, generator: np.random.Generator
) -> NDArray[np.float64]:
    return np.where(second, other.draw(len(second), generator), first.draw(len(second), generator))


def burst_curve(generator: np.random.Generator) -> RateCurve:
    """The base rate, and in each of six equal stretches after the first five minutes one burst."""
    slot = (HOUR - _BURSTS_BEGIN) / _BURSTS
    seconds = generator.uniform(*_BURST_SECONDS, _BURSTS)
    begins = _BURSTS_BEGIN + slot * np.arange(_BURSTS) + generator.uniform(0.0, 1.0, _BURSTS) * (slot - seconds)
    rates = _BURSTS_RATE * generator.uniform(*_BURST_FACTORS, _BURSTS)
    edges = np.column_stack([begins, begins + seconds]).ravel()
    levels = np.column_stack([rates, np.full(_BURSTS, _BURSTS_RATE)]).ravel()
    return RateCurve.of_steps([0.0, *edges.tolist()], [_BURSTS_RATE, *levels.tolist()], HOUR)


def _bursts(generator: np.random.Generator) -> Requests:
    return drawn(burst_curve(generator), CHAT_INPUTS, CHAT_OUTPUTS, generator, _BURSTS_CV)


WORKLOADS = (
    shape("steady", "20 requests/s", RateCurve.of_steps([0.0], [20.0], HOUR)),
    shape(
        "ramp",
        "4 requests/s for 10 min, up to 40 within 25 min, 40 for 10 min, down to 4 within 15 min",
        RateCurve.of_function(_ramp, HOUR),
    ),
    shape("cycles", "22 ± 18 requests/s, period 20 min, begins at the lowest", cycles_curve(0.0), CYCLES_OPENING),
    Workload(
        name="composition-shift",
        description=(
            f"{_SHIFT_RATE:g} requests/s throughout; from {PREFILL_INPUTS} in and {PREFILL_OUTPUTS} out to "
            f"{DECODE_INPUTS} in and {DECODE_OUTPUTS} out between minutes 20 and 40"
        ),
        source="prefill-heavy, then decode-heavy",
        duration_seconds=HOUR,
        make=_composition_shift,
    ),
    Workload(
        name="bursts",
        description=(
            f"{_BURSTS_RATE:g} requests/s and {_BURSTS} bursts of 2 to 5 times that, 20 to 120 s each, at random times"
        ),
        source="chat lengths",
        duration_seconds=HOUR,
        make=_bursts,
        notes=f"gamma arrivals, CV {_BURSTS_CV:g}; times and heights of the bursts follow from the seed",
    ),
)
