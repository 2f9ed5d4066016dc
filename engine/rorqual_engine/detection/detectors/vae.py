"""Metrics as a variational auto-encoder tells each from the others and from the last while; scored without torch.

Kingma and Welling, Auto-Encoding Variational Bayes, 2014. Three things are not textbook. Inputs are masked at random
while it learns, so that a metric is told from the others and not from itself, and one that is missing is nothing new.
Metrics named as conditions, such as the load, are given and never told. Labelled anomalies enter the objective: they
are to be told badly, by a margin (as in Deep SAD, Ruff and others, 2020).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from rorqual_engine.detection.detectors.base import Array, DetectorError, State, check, evidence, mean_known
from rorqual_engine.detection.detectors.scale import LEAST_LEFT, Scale, bounded, restored, states

WINDOW = 5
"""Samples that go in, the newest last; the newest is what comes out."""
LATENT = 8
ENCODER_LAYERS = 2
ACTIVATION_SLOPE = 0.1
"""Of the leaky rectifier below 0."""


@dataclass(frozen=True, slots=True)
class Network:
    """Weights as (in, out) and biases, encoder's and decoder's layers in their order; the latent mean alone."""

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    def apply(self, windows: Array) -> Array:
        """(samples, window * features) to (samples, features)."""
        found = windows
        for place, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            found = found @ weight + bias
            if place not in (ENCODER_LAYERS - 1, len(self.weights) - 1):
                found = np.where(found > 0, found, ACTIVATION_SLOPE * found)
        return found


@dataclass(frozen=True, slots=True)
class _Learned:
    scale: Scale
    network: Network
    conditions: Array
    """1 for each metric that is given and not told."""
    residuals: Scale


class VAE:
    """Mean evidence of what the network does not tell of the newest sample."""

    name = "vae"

    def __init__(self, conditions: Sequence[int] = ()) -> None:
        self._conditions = tuple(conditions)
        self._learned: _Learned | None = None

    def fit(self, history: Array, random: np.random.Generator, labels: Array | None = None) -> Self:
        """`labels`: 1 for known anomalies, 0 for known normal samples, NaN for the rest, which is nearly all.

        Needs torch; raises DetectorError without.
        """
        try:
            from rorqual_engine.detection.detectors.vae_training import train
        except ImportError as error:
            raise DetectorError("detector vae: learning needs torch: pip install 'rorqual[neural]'") from error
        found = check(history)
        told = np.full(len(found), np.nan) if labels is None else np.asarray(labels, dtype=np.float64)
        if told.shape != (len(found),):
            raise DetectorError(f"labels: expected one a sample, {len(found)}; found shape {told.shape}")
        scale = Scale.of(found)
        sparse = scale.apply(found)
        given = np.zeros(found.shape[1])
        given[list(self._conditions)] = 1.0
        network = train(windows(sparse), bounded(sparse), told, given, random)
        usual = told != 1
        left = _left(sparse, network, given)[usual]
        self._learned = _Learned(scale, network, given, Scale.of(left, LEAST_LEFT))
        return self

    def score_samples(self, samples: Array) -> Array:
        return mean_known(self.contributions(samples), samples)

    def contributions(self, samples: Array) -> Array:
        learned = self._known
        sparse = learned.scale.apply(samples)
        return evidence(learned.residuals.apply(_left(sparse, learned.network, learned.conditions)))

    def state(self) -> State:
        learned = self._known
        named = dict(states(scale=learned.scale, residuals=learned.residuals))
        for place, (weight, bias) in enumerate(zip(learned.network.weights, learned.network.biases, strict=True)):
            named |= {f"weight.{place}": weight, f"bias.{place}": bias}
        return {**named, "conditions": learned.conditions}

    def restore(self, state: State) -> Self:
        layers = sum(key.startswith("weight.") for key in state)
        weights, biases = (tuple(state[f"{kind}.{n}"] for n in range(layers)) for kind in ("weight", "bias"))
        self._learned = _Learned(
            restored(state, "scale"), Network(weights, biases), state["conditions"], restored(state, "residuals")
        )
        return self

    @property
    def _known(self) -> _Learned:
        if self._learned is None:
            raise RuntimeError("fit or restore comes before scores")
        return self._learned


def windows(standard: Array) -> Array:
    """(samples, WINDOW * features): each sample and those before it; the first one stands for what came before it."""
    found = bounded(standard)
    padded = np.concatenate([np.repeat(found[:1], WINDOW - 1, axis=0), found])
    made: Array = np.concatenate([padded[place : place + len(found)] for place in range(WINDOW)], axis=1)
    return made


def _left(standard: Array, network: Network, conditions: Array) -> Array:
    """What the network does not tell; NaN where a metric is not known, 0 where it is given."""
    left = (bounded(standard) - network.apply(windows(standard))) * (1.0 - conditions)
    found: Array = np.where(np.isfinite(standard), left, np.nan)
    return found
