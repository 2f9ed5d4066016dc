"""The fitted artefact: a small file of numbers that ships with the package; bench/fit_performance.py writes it."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from rorqual_engine.sizing.performance.coefficients import NAMES, SLOTS, TAGS, matrix_of
from rorqual_engine.sizing.performance.correction import FIGURES, Correction
from rorqual_engine.sizing.performance.prediction import Array

FILE = "artefact.json"
FORMAT = 1
METRICS = ("ttft", "tpot", "throughput")
Margins = dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Artefact:
    """What the fit found."""

    version: str
    matrix: Array
    """Logarithms of the coefficients, shape (tags, coefficients)."""
    ttft: Correction
    tpot: Correction
    free: Margins
    """By metric: what to add to the logarithm for the bounds of the interval, where every request finds a place."""
    full: Margins
    """The same where requests wait for a place."""


@cache
def shipped() -> Artefact:
    """The artefact of this release."""
    return parse(_text())


def checksum() -> str:
    """SHA-256 of the shipped file."""
    return hashlib.sha256(_text().encode()).hexdigest()


def fitted_on() -> list[str]:
    """SHA-256 of the files that the shipped artefact was fitted on."""
    found: list[str] = json.loads(_text())["fitted_on"]
    return found


def parse(text: str) -> Artefact:
    """An artefact from its file. Raises ValueError when the file is of another format or law."""
    found = json.loads(text)
    expected = {"format": FORMAT, "figures": list(FIGURES), "coefficients": slot_names()}
    for key, value in expected.items():
        actual = list(found[key]) if key == "coefficients" else found[key]
        if actual != value:
            raise ValueError(f"performance artefact: {key} should be {value}, is {actual}; fit it again")
    return Artefact(
        version=found["version"],
        matrix=matrix_of(np.array(list(found["coefficients"].values()))),
        ttft=_correction(found["ttft"]),
        tpot=_correction(found["tpot"]),
        free=_margins(found["margins"]["free"]),
        full=_margins(found["margins"]["full"]),
    )


def slot_names() -> list[str]:
    """Names of the fitted logarithms, in the order of SLOTS."""
    return [NAMES[place] + ("" if row == 0 else f"/{TAGS[row]}") for row, place in SLOTS]


def _correction(numbers: dict[str, Any]) -> Correction:
    return Correction(*(np.array(numbers[key]) for key in ("mean", "scale", "weights")))


def _margins(numbers: dict[str, Any]) -> Margins:
    return {metric: (numbers[metric][0], numbers[metric][1]) for metric in METRICS}


def _text() -> str:
    return resources.files(__package__).joinpath(FILE).read_text("utf-8")
