"""The fitted numbers of the physical law: a base for each, and factors for the runtime and the kind of model."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rorqual_engine.sizing.performance.points import MOST_BYTES_OF_4_BITS, RUNTIMES, Points
from rorqual_engine.sizing.performance.prediction import Array

TAGS = ("one", *RUNTIMES, "experts", "bits8", "bits4")
"""What may change a coefficient; `one` is the base, `bits` are those of a weight."""


@dataclass(frozen=True, slots=True)
class Factor:
    """What a tag changes: a guess of the factor, and how far (as a logarithm) the fit may well move it."""

    guess: float = 1.0
    spread: float = 0.015


@dataclass(frozen=True, slots=True)
class Coefficient:
    """Guess and spread of the base: a normal prior on its logarithm; and the tags by which it differs."""

    guess: float
    spread: float = 1.0
    factors: Mapping[str, Factor] = field(default_factory=dict)


SHARE = 0.2
"""Spread of a share of the data sheet's peak: such shares are known to lie well between a third and one."""


def _by_runtime(spread: float) -> dict[str, Factor]:
    return {runtime: Factor(spread=spread) for runtime in RUNTIMES}


COEFFICIENTS: dict[str, Coefficient] = {
    # shares of the data sheet's peak; the more operations a second it promises, the smaller the share that is reached
    "dense_bandwidth": Coefficient(0.75, 0.1),
    "expert_bandwidth": Coefficient(0.7, SHARE),
    "context_bandwidth": Coefficient(0.7, SHARE),
    "decode_compute": Coefficient(0.5, SHARE),
    "prefill_compute": Coefficient(
        0.7, 1.0, {"experts": Factor(0.5, 0.05), "bits8": Factor(0.7, 0.1), "bits4": Factor(0.5, 0.1)}
    ),
    "attention_compute": Coefficient(0.3, SHARE),
    "link": Coefficient(0.5, SHARE),
    # microseconds: of one exchange, of one layer by kind, of one step, of one request in a step
    "exchange_us": Coefficient(8.0),
    "layer_us": Coefficient(30.0, 1.0, _by_runtime(0.015)),
    "expert_layer_us": Coefficient(15.0),
    "latent_layer_us": Coefficient(15.0),
    "linear_layer_us": Coefficient(20.0),
    "sparse_layer_us": Coefficient(30.0),
    "step_us": Coefficient(800.0),
    "row_us": Coefficient(5.0),
    # passes of hidden states through memory in a layer's prefill
    "passes": Coefficient(10.0),
    "expert_passes": Coefficient(4.0),
    # of one request before its first token: fixed, decode steps awaited, and for each other request
    "prompt_us": Coefficient(30000.0, 1.5, _by_runtime(0.7)),
    "steps_awaited": Coefficient(1.0, 1.0, _by_runtime(0.7)),
    "queue_us": Coefficient(300.0, 1.5, _by_runtime(0.5)),
    # shares of the others' prefill work that delays each output token, and the first
    "interference": Coefficient(1.0),
    "burst": Coefficient(0.15, 1.0, _by_runtime(0.5)),
}
NAMES = tuple(COEFFICIENTS)
SLOTS = tuple(
    (TAGS.index(tag), place)
    for place, coefficient in enumerate(COEFFICIENTS.values())
    for tag in ("one", *coefficient.factors)
)
"""Row and column in the matrix of logarithms that each fitted number goes to."""


def _priors() -> tuple[Array, Array]:
    means, spreads = [], []
    for row, place in SLOTS:
        coefficient = COEFFICIENTS[NAMES[place]]
        prior = coefficient if row == 0 else coefficient.factors[TAGS[row]]
        means.append(np.log(prior.guess))
        spreads.append(prior.spread)
    return np.array(means), np.array(spreads)


GUESSES, SPREADS = _priors()
"""Means and deviations of the logarithms' normal priors, in the order of SLOTS."""


def matrix_of(logarithms: Array) -> Array:
    """Logarithms in the order of SLOTS as a matrix, shape (tags, coefficients)."""
    matrix = np.zeros((len(TAGS), len(NAMES)))
    for (row, place), value in zip(SLOTS, logarithms, strict=True):
        matrix[row, place] = value
    return matrix


def coefficients_of(points: Points, matrix: Array) -> dict[str, Array]:
    """Every coefficient at every point."""
    size = points["weight_bytes"]
    marks = (
        np.ones(len(points)),
        *(points[name] for name in RUNTIMES),
        points["experts"] > 0,
        (size > MOST_BYTES_OF_4_BITS) & (size < 2.0),
        size <= MOST_BYTES_OF_4_BITS,
    )
    logarithms = matrix.T @ np.array(marks, dtype=float)
    return dict(zip(NAMES, np.exp(logarithms), strict=True))
