"""What people know of times, as the annotation `rorqual.io/label` of a service tells it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["fault", "normal"]


class LabelError(ValueError):
    """An annotation that cannot be read; the message says what was expected and what was found."""


@dataclass(frozen=True, slots=True)
class Label:
    """A time of which somebody says what it was; seconds since the epoch, both ends inside."""

    begin: float
    end: float
    kind: Kind


def read_labels(text: str) -> tuple[Label, ...]:
    """`<from>/<to>=fault|normal`, several with commas; times as RFC 3339, UTC where no zone is told."""
    return tuple(_label(part.strip()) for part in text.split(",") if part.strip())


def _label(text: str) -> Label:
    times, _, kind = text.partition("=")
    begin, _, end = times.partition("/")
    try:
        label = Label(_seconds(begin), _seconds(end), _kind(kind.strip()))
    except ValueError as error:
        raise LabelError(
            f"annotation rorqual.io/label: expected <from>/<to>=fault|normal with RFC 3339 times; found {text!r}"
        ) from error
    if label.end < label.begin:
        raise LabelError(f"annotation rorqual.io/label: expected <from> before <to>; found {text!r}")
    return label


def _kind(text: str) -> Kind:
    if text == "fault":
        return "fault"
    if text == "normal":
        return "normal"
    raise ValueError(text)


def _seconds(text: str) -> float:
    found = datetime.fromisoformat(text.strip())
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def within(at: NDArray[np.float64], labels: Iterable[Label], kind: Kind) -> NDArray[np.bool_]:
    """Which of these times have a label of that kind."""
    found = np.zeros(len(at), dtype=np.bool_)
    for label in labels:
        if label.kind == kind:
            found |= (at >= label.begin) & (at <= label.end)
    return found
