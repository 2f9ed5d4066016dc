"""Metrics of any unit on one scale, by their history."""

from dataclasses import dataclass

import numpy as np

from rorqual_engine.detection.detectors.base import Array, State

CLIP = 50.0
"""Deviations beyond are no more telling."""
MOST_DEVIATION = 10.0
"""Beyond it a metric says nothing more of the others."""
LEAST_LEFT = 0.1
"""Of a metric's own deviation: what others leave of it may wobble so much."""
FLOOR = 0.01
"""Of a metric's greatest value: the least deviation of one, so that what never moved may wobble."""
TAIL, TAIL_DEVIATIONS = 0.99, 2.58
"""A quantile of the distance from the centre, and where a normal variable has it."""


def floor_of(history: Array) -> Array:
    """The least deviation of each metric; of one that was always 0, in the metric's own unit."""
    greatest = np.nanmax(np.abs(np.where(np.isfinite(history).any(axis=0), history, 0.0)), axis=0)
    found: Array = FLOOR * np.where(greatest > 0, greatest, 1.0)
    return found


@dataclass(frozen=True, slots=True)
class Scale:
    """Median and deviation of each metric.

    The deviation is told by the tail of the history, not by its middle: a metric that rests most of the time and now
    and then leaps would else be unusual with every leap. One sample in a hundred may be anything without being heard.
    """

    centre: Array
    deviation: Array
    told: Array
    """1 for metrics that the history has, 0 for those that it never had."""

    @classmethod
    def of(cls, history: Array, least: Array | float = 0.0) -> "Scale":
        """`least` is the smallest deviation that a metric is taken to have."""
        told = np.isfinite(history).any(axis=0)
        known = np.where(told, history, 0.0)
        centre = np.nanmedian(known, axis=0)
        tail = np.nanquantile(np.abs(known - centre), TAIL, axis=0) / TAIL_DEVIATIONS
        deviation: Array = np.maximum(np.maximum(tail, floor_of(known)), least)
        return cls(centre, deviation, np.asarray(told, dtype=np.float64))

    def apply(self, samples: Array) -> Array:
        """Standardised; NaN where a sample is not known, or its metric was not in the history."""
        found = np.asarray(samples, dtype=np.float64)
        found = np.where(np.isfinite(found) & (self.told > 0), found, np.nan)
        standard: Array = np.clip((found - self.centre) / self.deviation, -CLIP, CLIP)
        return standard

    def state(self) -> State:
        return {"centre": self.centre, "deviation": self.deviation, "told": self.told}

    @classmethod
    def restore(cls, state: State) -> "Scale":
        return cls(state["centre"], state["deviation"], state["told"])


def bounded(standard: Array) -> Array:
    """Standardised metrics as others are told from them: what is not known is taken to be as usual."""
    found: Array = np.clip(np.nan_to_num(standard, nan=0.0), -MOST_DEVIATION, MOST_DEVIATION)
    return found


def states(**scales: Scale) -> State:
    """Several scales as one state, each under its name."""
    return {f"{part}.{name}": value for part, scale in scales.items() for name, value in scale.state().items()}


def restored(state: State, part: str) -> Scale:
    """The scale that `states` put under that name."""
    return Scale.restore({name: state[f"{part}.{name}"] for name in ("centre", "deviation", "told")})
