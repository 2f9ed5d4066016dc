"""Each metric by itself: how far it is from the middle of its history."""

from typing import Self

import numpy as np

from rorqual_engine.detection.detectors.base import Array, State, check, evidence, mean_known
from rorqual_engine.detection.detectors.scale import Scale


class RobustZ:
    """Mean evidence of the metrics' robust standard scores."""

    name = "robust-z"

    def __init__(self) -> None:
        self._scale: Scale | None = None

    def fit(self, history: Array, random: np.random.Generator) -> Self:  # noqa: ARG002 nothing is drawn
        self._scale = Scale.of(check(history))
        return self

    def score_samples(self, samples: Array) -> Array:
        return mean_known(self.contributions(samples), samples)

    def contributions(self, samples: Array) -> Array:
        return evidence(self._known.apply(samples))

    def state(self) -> State:
        return self._known.state()

    def restore(self, state: State) -> Self:
        self._scale = Scale.restore(state)
        return self

    @property
    def _known(self) -> Scale:
        if self._scale is None:
            raise RuntimeError("fit or restore comes before scores")
        return self._scale
