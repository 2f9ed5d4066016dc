"""The fitted numbers of the physical law: a base for each, and factors for the runtime and the kind of model."""

from dataclasses import dataclass

import numpy as np

from rorqual_engine.sizing.performance.points import RUNTIMES, Points
from rorqual_engine.sizing.performance.prediction import Array

TAGS = ("one", *RUNTIMES, "experts", "latent")
"""What may change a coefficient; `one` is the base."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """Where the fit starts (and is drawn back to), and the tags by which it may differ."""

    guess: float
    tags: tuple[str, ...] = ()


COEFFICIENTS: dict[str, Coefficient] = {
    # shares of the data sheet's peak
    "dense_bandwidth": Coefficient(0.75),
    "expert_bandwidth": Coefficient(0.6, RUNTIMES),
    "context_bandwidth": Coefficient(0.6, (*RUNTIMES, "latent")),
    "decode_compute": Coefficient(0.5, ("experts",)),
    "prefill_compute": Coefficient(0.6, (*RUNTIMES, "experts")),
    "attention_compute": Coefficient(0.3, ("latent",)),
    "link": Coefficient(0.5, RUNTIMES),
    # microseconds: of one exchange, of one layer by kind, of one step, of one request in a step
    "exchange_us": Coefficient(8.0, RUNTIMES),
    "layer_us": Coefficient(30.0, RUNTIMES),
    "expert_layer_us": Coefficient(15.0, RUNTIMES),
    "latent_layer_us": Coefficient(15.0, RUNTIMES),
    "linear_layer_us": Coefficient(20.0),
    "sparse_layer_us": Coefficient(30.0),
    "step_us": Coefficient(800.0, RUNTIMES),
    "row_us": Coefficient(5.0, RUNTIMES),
    # passes of hidden states through memory in a layer's prefill
    "passes": Coefficient(10.0, RUNTIMES),
    "expert_passes": Coefficient(4.0, RUNTIMES),
    # of one request before its first token: fixed, decode steps awaited, and for each other request
    "prompt_us": Coefficient(30000.0, (*RUNTIMES, "experts", "latent")),
    "steps_awaited": Coefficient(1.0, RUNTIMES),
    "queue_us": Coefficient(300.0, RUNTIMES),
    # shares of the others' prefill work that delays each output token, and the first
    "interference": Coefficient(1.0, RUNTIMES),
    "burst": Coefficient(0.15, RUNTIMES),
}
NAMES = tuple(COEFFICIENTS)
SLOTS = tuple(
    (TAGS.index(tag), place)
    for place, coefficient in enumerate(COEFFICIENTS.values())
    for tag in ("one", *coefficient.tags)
)
"""Row and column in the matrix of logarithms that each fitted number goes to."""
GUESSES = np.array([np.log(COEFFICIENTS[NAMES[place]].guess) if row == 0 else 0.0 for row, place in SLOTS])


def matrix_of(logarithms: Array) -> Array:
    """Logarithms in the order of SLOTS as a matrix, shape (tags, coefficients)."""
    matrix = np.zeros((len(TAGS), len(NAMES)))
    for (row, place), value in zip(SLOTS, logarithms, strict=True):
        matrix[row, place] = value
    return matrix


def coefficients_of(points: Points, matrix: Array) -> dict[str, Array]:
    """Every coefficient at every point."""
    marks = (np.ones(len(points)), *(points[name] for name in RUNTIMES), points["experts"] > 0, points["latent"] > 0)
    logarithms = matrix.T @ np.array(marks, dtype=float)
    return dict(zip(NAMES, np.exp(logarithms), strict=True))
