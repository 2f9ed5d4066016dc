"""Metrics over time: from a file, or from Prometheus."""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LARGEST_BYTES = 200 * 1024 * 1024


class SeriesError(ValueError):
    """A history that cannot be read; the message names it, what was expected and what was found."""


@dataclass(frozen=True, slots=True)
class Series:
    """Samples at equal distances, the oldest first."""

    at: NDArray[np.float64]
    """Seconds since the epoch, or since the beginning where the file tells no times."""
    names: tuple[str, ...]
    values: NDArray[np.float64]
    """(samples, metrics); NaN where one is not known."""

    @property
    def step_seconds(self) -> float:
        """The usual distance of two samples."""
        return float(np.median(np.diff(self.at))) if len(self.at) > 1 else 60.0


def read_file(path: Path) -> Series:
    """CSV with a header and the time in its first column, or .npz with `values` and perhaps `at` and `names`."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise SeriesError(f"{path}: expected at most {LARGEST_BYTES // 2**20} MiB; found {path.stat().st_size}")
        return _npz(path) if path.suffix == ".npz" else _csv(path, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SeriesError(f"{path}: cannot be read: {error}") from error


def _npz(path: Path) -> Series:
    try:
        with np.load(path, allow_pickle=False) as data:
            values = np.asarray(data["values"], dtype=np.float64)
            at = np.asarray(data["at"] if "at" in data else 60 * np.arange(len(values)), dtype=np.float64)
            names = [str(name) for name in data["names"]] if "names" in data else None
    except (ValueError, KeyError, EOFError) as error:
        raise SeriesError(f"{path}: expected an array `values` of samples and metrics; found: {error}") from error
    if values.ndim != 2 or len(at) != len(values):
        raise SeriesError(f"{path}: expected `values` of (samples, metrics) and as many `at`; found {values.shape}")
    return _sorted(path, at, tuple(names or (f"metric {place}" for place in range(values.shape[1]))), values)


def _csv(path: Path, text: str) -> Series:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if len(rows) < 2 or len(rows[0]) < 2:
        raise SeriesError(f"{path}: expected a header, a column of times and one of a metric; found {len(rows)} rows")
    names = tuple(name.strip() for name in rows[0][1:])
    at, values = np.zeros(len(rows) - 1), np.full((len(rows) - 1, len(names)), np.nan)
    for place, row in enumerate(rows[1:]):
        if len(row) != len(rows[0]):
            raise SeriesError(f"{path}: line {place + 2}: expected {len(rows[0])} columns; found {len(row)}")
        at[place] = _time(path, place + 2, row[0])
        values[place] = [_number(path, place + 2, name, text) for name, text in zip(names, row[1:], strict=True)]
    return _sorted(path, at, names, values)


def _time(path: Path, line: int, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise SeriesError(f"{path}: line {line}: expected seconds or an ISO time; found {text!r}") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _number(path: Path, line: int, name: str, text: str) -> float:
    """Empty is not known."""
    try:
        return float(text) if text.strip() else np.nan
    except ValueError as error:
        raise SeriesError(f"{path}: line {line}: expected a number for {name}; found {text!r}") from error


def _sorted(path: Path, at: NDArray[np.float64], names: tuple[str, ...], values: NDArray[np.float64]) -> Series:
    if not np.isfinite(at).all():
        raise SeriesError(f"{path}: expected a time with every sample; found some without")
    order = np.argsort(at, kind="stable")
    return Series(at[order], names, values[order])
