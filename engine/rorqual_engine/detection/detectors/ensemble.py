"""Several detectors as one: the mean of their scores, each over what is usual for it, now and over the last while."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from rorqual_engine.detection.detectors.base import Array, Detector, State
from rorqual_engine.detection.detectors.smoothing import smooth

USUAL, HIGH = 0.5, 0.99
LAST = (1, 5, 15)
"""Samples over which scores are averaged: a short and a long while count alike."""


class Ensemble:
    """Scores are (score - median) / (99th percentile - median) over the history, so that none outweighs the others."""

    name = "ensemble"

    def __init__(self, members: Sequence[Detector]) -> None:
        self._members = tuple(members)
        self._usual, self._spread = np.zeros(len(members)), np.ones(len(members))

    @property
    def members(self) -> tuple[Detector, ...]:
        """In their order."""
        return self._members

    def fit(self, history: Array, random: np.random.Generator) -> Self:
        seen = np.stack([one.fit(history, random).score_samples(history) for one in self._members])
        self._usual, high = np.quantile(seen, [USUAL, HIGH], axis=1)
        self._spread = np.maximum(high - self._usual, 1e-6)
        return self

    def score_samples(self, samples: Array) -> Array:
        scores = np.stack([one.score_samples(samples) for one in self._members])
        whole = ((scores - self._usual[:, None]) / self._spread[:, None]).mean(axis=0)
        found: Array = np.mean([smooth(whole, samples) for samples in LAST], axis=0)
        return found

    def contributions(self, samples: Array) -> Array:
        parts = np.stack([one.contributions(samples) for one in self._members])
        found: Array = (parts / self._spread[:, None, None]).mean(axis=0)
        return found

    def state(self) -> State:
        named = {
            f"{place}.{key}": value for place, one in enumerate(self._members) for key, value in one.state().items()
        }
        return {**named, "usual": self._usual, "spread": self._spread}

    def restore(self, state: State) -> Self:
        for place, one in enumerate(self._members):
            head = f"{place}."
            one.restore({key.removeprefix(head): value for key, value in state.items() if key.startswith(head)})
        self._usual, self._spread = state["usual"], state["spread"]
        return self
