"""What detectors have in common that tell metrics from something learned: they judge what is left of each."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np

from rorqual_engine.detection.detectors.base import Array, State, check, evidence, mean_known
from rorqual_engine.detection.detectors.scale import LEAST_LEFT, Scale, restored, states


@dataclass(frozen=True, slots=True)
class _Learned:
    scale: Scale
    told_from: Array
    """What `learn` made of the history."""
    residuals: Scale
    """Of what is left, each metric's."""


class Residual(ABC):
    """Mean evidence of the metrics' standardised residuals. Subclasses say what metrics are told from."""

    told_from: str
    """Its name in a saved state."""

    def __init__(self) -> None:
        self._learned: _Learned | None = None

    @abstractmethod
    def learn(self, standard: Array) -> Array:
        """From a standardised history (samples, features); NaN where a metric is not known."""

    @abstractmethod
    def left(self, standard: Array, told_from: Array) -> Array:
        """What is left of standardised samples; NaN where a metric is not known."""

    def fit(self, history: Array, random: np.random.Generator) -> Self:  # noqa: ARG002 nothing is drawn
        found = check(history)
        scale = Scale.of(found)
        standard = scale.apply(found)
        told_from = self.learn(standard)
        self._learned = _Learned(scale, told_from, Scale.of(self.left(standard, told_from), LEAST_LEFT))
        return self

    def score_samples(self, samples: Array) -> Array:
        return mean_known(self.contributions(samples), samples)

    def contributions(self, samples: Array) -> Array:
        learned = self._known
        return evidence(learned.residuals.apply(self.left(learned.scale.apply(samples), learned.told_from)))

    def state(self) -> State:
        learned = self._known
        return {**states(scale=learned.scale, residuals=learned.residuals), self.told_from: learned.told_from}

    def restore(self, state: State) -> Self:
        self._learned = _Learned(restored(state, "scale"), state[self.told_from], restored(state, "residuals"))
        return self

    @property
    def _known(self) -> _Learned:
        if self._learned is None:
            raise RuntimeError("fit or restore comes before scores")
        return self._learned
