"""What a column's text means: whole numbers, decimal numbers and moments, many at a time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.simulation.traces.table import Table

Good = NDArray[np.bool_]
Parse = Callable[[Table, int], tuple[NDArray[np.float64], Good]]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a field is read, and the words for what it should be."""

    expected: str
    parse: Parse
    """The values of one column of a table, and which of them are good; the others mean nothing."""


_WHOLE_DIGITS = 9  # fits 32 bits
_MOMENT_WIDTH = len("2023-11-16 18:15:46.123456789+00:00")
_DIGIT_PLACES = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]
_POINT = 19


def _digits(text: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """0 to 9; other characters become larger."""
    return text - np.uint8(ord("0"))


def _number(digits: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Each row's digits as one number."""
    powers: NDArray[np.int64] = 10 ** np.arange(digits.shape[1] - 1, -1, -1, dtype=np.int64)
    return digits.astype(np.int64) @ powers


def _wholes(table: Table, column: int) -> tuple[NDArray[np.float64], Good]:
    widths = table.widths(column)
    text = table.right(column, int(np.clip(widths.max(initial=1), 1, _WHOLE_DIGITS)))
    digits = np.where(text == 0, np.uint8(0), _digits(text))
    good = (widths >= 1) & (widths <= _WHOLE_DIGITS) & np.all(digits <= 9, axis=1)
    return _number(digits).astype(np.float64), good


def _decimals(table: Table, column: int) -> tuple[NDArray[np.float64], Good]:
    text = table.left(column, int(max(table.widths(column).max(initial=1), 1)))
    fields = np.ascontiguousarray(text).view(f"S{text.shape[1]}")[:, 0]
    try:
        values = fields.astype(np.float64)
    except ValueError:
        values = np.array([_decimal(field) for field in fields])
    return values, np.isfinite(values) & (values >= 0)


def _decimal(field: bytes) -> float:
    try:
        return float(field)
    except ValueError:
        return np.nan


def _moments(table: Table, column: int) -> tuple[NDArray[np.float64], Good]:
    """Seconds since 1970, to the quarter of a microsecond that 64 bits hold; without an offset, UTC."""
    text = table.left(column, _MOMENT_WIDTH)
    digits = _digits(text)
    days, good = _days(digits)
    hours, minutes, seconds = (_number(digits[:, at : at + 2]) for at in (11, 14, 17))
    good &= (hours < 24) & (minutes < 60) & (seconds < 60)
    good &= np.all(digits[:, _DIGIT_PLACES] <= 9, axis=1) & _separated(text)
    fraction, length = _fraction(text, digits)
    zone, zoned = _zone(text, digits, table.widths(column), _POINT + length)
    whole = ((days * 24 + hours) * 60 + minutes) * 60 + seconds - zone
    return whole + fraction, good & zoned & (length != 1)


def _days(digits: NDArray[np.uint8]) -> tuple[NDArray[np.int64], Good]:
    """Since 1970-01-01."""
    year, month, day = _number(digits[:, :4]), _number(digits[:, 5:7]), _number(digits[:, 8:10])
    months = (year - 1970) * 12 + month - 1
    begin, end = (
        count.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) for count in (months, months + 1)
    )
    return begin + day - 1, (month >= 1) & (month <= 12) & (day >= 1) & (day <= end - begin)


def _separated(text: NDArray[np.uint8]) -> Good:
    """Whether date and time have their separators; a T may stand for the blank."""
    dashes = np.all(text[:, [4, 7]] == ord("-"), axis=1)
    colons = np.all(text[:, [13, 16]] == ord(":"), axis=1)
    good: Good = dashes & colons & np.isin(text[:, 10], [ord(" "), ord("T")])
    return good


def _fraction(text: NDArray[np.uint8], digits: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Of a second, and how many characters it takes with its point."""
    point = text[:, _POINT] == ord(".")
    places = digits[:, _POINT + 1 : _POINT + 10]
    running = np.logical_and.accumulate(places <= 9, axis=1) & point[:, None]
    return _number(np.where(running, places, np.uint8(0))) / 1e9, point + running.sum(axis=1)


def _zone(
    text: NDArray[np.uint8], digits: NDArray[np.uint8], widths: NDArray[np.int64], begins: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Good]:
    """Seconds east of Greenwich by what follows the time: nothing, Z, or ±HH:MM."""
    left = widths - begins
    at = np.minimum(begins[:, None] + np.arange(6), _MOMENT_WIDTH - 1)
    sign = np.take_along_axis(text, at, axis=1)
    numbers = np.take_along_axis(digits, at, axis=1)
    offset = (_number(numbers[:, 1:3]) * 60 + _number(numbers[:, 4:6])) * 60
    signed = np.isin(sign[:, 0], [ord("+"), ord("-")]) & (sign[:, 3] == ord(":"))
    given = (left == 6) & signed & np.all(numbers[:, [1, 2, 4, 5]] <= 9, axis=1)
    good = (left == 0) | ((left == 1) & (sign[:, 0] == ord("Z"))) | given
    return np.where(given, np.where(sign[:, 0] == ord("-"), -offset, offset), 0), good


WHOLE = Kind(f"a whole number of at most {_WHOLE_DIGITS} digits", _wholes)
DECIMAL = Kind("a number of seconds, 0 or more", _decimals)
MOMENT = Kind("a time such as 2023-11-16 18:15:46.6805900 or 2024-05-10T00:00:00.009930+00:00", _moments)
