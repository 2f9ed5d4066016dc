"""What a detector is, and how the evidence of single metrics makes a score."""

from collections.abc import Mapping
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
State = Mapping[str, Array]
"""All that was learned, as plain arrays."""

LEAST_SAMPLES = 30
"""Of a history that anything can be learned from."""


class DetectorError(ValueError):
    """A history or a file that a detector cannot use; the message says what was expected and what was found."""


class Detector(Protocol):
    """Rows are moments in their order, columns are metrics; NaN where one is not known. Nothing looks ahead."""

    name: str

    def fit(self, history: Array, random: np.random.Generator) -> Self:
        """From (samples, features), most of them normal. Raises DetectorError for fewer than LEAST_SAMPLES."""
        ...

    def score_samples(self, samples: Array) -> Array:
        """(samples,): the greater, the more unusual. Finite whatever comes."""
        ...

    def contributions(self, samples: Array) -> Array:
        """(samples, features): how much each metric adds to the score; 0 where it is not known."""
        ...

    def state(self) -> State:
        """What `restore` makes the same detector of."""
        ...

    def restore(self, state: State) -> Self: ...


def check(history: Array) -> Array:
    """The history as floats, infinities as NaN. Raises DetectorError."""
    found = np.asarray(history, dtype=np.float64)
    if found.ndim != 2 or len(found) < LEAST_SAMPLES or not found.shape[1]:
        raise DetectorError(f"history: expected at least {LEAST_SAMPLES} samples of metrics; found shape {found.shape}")
    return np.where(np.isfinite(found), found, np.nan)


def evidence(deviations: Array) -> Array:
    """Of standardised deviations: minus the logarithm of Laplace's density, 0 at the centre and where nothing is known.

    Tails so heavy let several moderate deviations count as much as one that is wild.
    """
    found: Array = np.abs(np.nan_to_num(deviations, nan=0.0, posinf=0.0, neginf=0.0))
    return found


def mean_known(parts: Array, samples: Array) -> Array:
    """Mean of the parts of those metrics that are known, each moment; 0 where none is."""
    known = np.isfinite(samples).sum(axis=1)
    found: Array = parts.sum(axis=1) / np.maximum(known, 1)
    return found
