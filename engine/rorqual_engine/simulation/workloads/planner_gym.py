"""The seven public recipes of NVIDIA Dynamo's Planner Gym: three minutes and about a thousand requests each.

The recipes give rates, times and lengths. What they leave open is decided here, and said in the notes: arrivals are
Poisson, the square wave is high in half of its period and begins low, the diurnal one has one period and begins at its
mean, the decode-heavy staircase has the steps of the other, and the shared prefix has 3,000 tokens.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rorqual_engine.simulation.arrivals import RateCurve
from rorqual_engine.simulation.lengths import Lengths, Lognormal
from rorqual_engine.simulation.requests import Requests
from rorqual_engine.simulation.workloads.workload import Workload, drawn

DURATION = 180.0
INPUTS, OUTPUTS = Lognormal(6000, 0.8), Lognormal(34, 0.5)
DECODE_INPUTS, DECODE_OUTPUTS = Lognormal(200, 0.5), Lognormal(600, 0.5)
_RATE = 5.6
_STEP_SECONDS = 20.0
_SHARED_TOKENS = 3000

_FLAT = RateCurve.of_steps([0.0], [_RATE], DURATION)
_STAIRCASE = RateCurve.of_steps(
    np.arange(0.0, DURATION, _STEP_SECONDS).tolist(), list(range(1, 1 + round(DURATION / _STEP_SECONDS))), DURATION
)
_SQUARE = RateCurve.of_steps(np.arange(0.0, DURATION, 20.0).tolist(), [1, 10, 1, 10, 1, 10, 1, 10, 1], DURATION)
_FLASH = RateCurve.of_steps([0.0, 80.0, 95.0], [3.0, 30.0, 3.0], DURATION)
_DIURNAL = RateCurve.of_function(lambda at: _RATE + 4.0 * np.sin(2 * np.pi * at / DURATION), DURATION)


def _recipe(
    name: str,
    description: str,
    curve: RateCurve,
    lengths: Sequence[Lengths] = (INPUTS, OUTPUTS),
    notes: str = "",
) -> Workload:
    inputs, outputs = lengths
    return Workload(
        name=f"gym-{name}",
        description=f"{description}; inputs {inputs}, outputs {outputs}",
        source="Planner Gym",
        duration_seconds=DURATION,
        make=lambda generator: drawn(curve, inputs, outputs, generator),
        starts=("cold",),
        opening_seconds=_STEP_SECONDS,
        notes=notes,
    )


def _shared_prefix(generator: np.random.Generator) -> Requests:
    """Of the flat recipe, each prompt beginning with the same tokens, which every replica holds."""
    flat = drawn(_FLAT, INPUTS, OUTPUTS, generator)
    cached = np.minimum(flat.input_tokens - 1, _SHARED_TOKENS).astype(np.int32)
    return replace(flat, cached_tokens=cached)


WORKLOADS = (
    _recipe("flat", "5.6 requests/s", _FLAT),
    _recipe("staircase", "1 request/s, and one more every 20 s", _STAIRCASE),
    _recipe(
        "square-wave", "1 and 10 requests/s by turns, period 40 s", _SQUARE, notes="ours: half and half, begins low"
    ),
    _recipe("flash-crowd", "3 requests/s, 30 for 15 s from second 80", _FLASH),
    _recipe("diurnal", "5.6 ± 4 requests/s", _DIURNAL, notes="ours: one sine period, begins at the mean"),
    _recipe(
        "decode-staircase",
        "1 request/s, and one more every 20 s",
        _STAIRCASE,
        (DECODE_INPUTS, DECODE_OUTPUTS),
        notes="ours: the steps of gym-staircase",
    ),
    replace(
        _recipe("shared-prefix", "gym-flat with a common beginning of the prompts", _FLAT),
        make=_shared_prefix,
        notes=f"ours: {_SHARED_TOKENS:,} tokens in common, cached from the beginning",
    ),
)
