"""The lengths and the rate of a workload, from a CSV with a row a request."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from rorqual_engine.api.spec import PERCENTILES

HEADERS = (("ContextTokens", "GeneratedTokens"), ("input_tokens", "output_tokens"))
"""Of Azure's public traces, and plain."""
TIME = "TIMESTAMP"
"""Of arrival, as Azure writes it; a trace without it tells no rate."""


class TraceError(ValueError):
    """A file that is no trace; the message names file, line, what was expected and what was found."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What a file tells of its requests."""

    prompts: tuple[int, ...]
    """Tokens."""
    answers: tuple[int, ...]
    requests_per_second: float | None
    """Mean between the first and the last arrival."""

    def workload(self) -> dict[str, Any]:
        """As `spec.workload` writes it."""
        found = {
            "inputTokens": _mean(self.prompts),
            "inputLengths": _percentiles(self.prompts),
            "outputTokens": _mean(self.answers),
            "outputLengths": _percentiles(self.answers),
        }
        rate = self.requests_per_second
        return found if rate is None else {**found, "requestsPerSecond": float(f"{rate:.4g}")}


def read_trace(file: Path) -> Trace:
    """All requests of a file. Raises TraceError."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            return _read(file, csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TraceError(f"{file}: cannot be read: {error}") from error


def _read(file: Path, rows: "csv.DictReader[str]") -> Trace:
    columns = rows.fieldnames or []
    names = next((pair for pair in HEADERS if set(pair) <= set(columns)), None)
    if names is None:
        wanted = " or ".join(", ".join(pair) for pair in HEADERS)
        raise TraceError(f"{file}: expected the columns {wanted}, found {', '.join(columns) or 'none'}")
    prompts, answers, times = [], [], []
    for row in rows:
        where = f"{file}, line {rows.line_num}"
        prompts.append(_tokens(where, names[0], row[names[0]]))
        answers.append(_tokens(where, names[1], row[names[1]]))
        if TIME in columns:
            times.append(_time(where, row[TIME]))
    if not prompts:
        raise TraceError(f"{file}: expected a row for each request, found none")
    return Trace(tuple(prompts), tuple(answers), _rate(times))


def _tokens(where: str, column: str, text: str | None) -> int:
    """At least 1: an engine gives one token before it can see that it is to stop."""
    if text is None or not text.strip().isdecimal():
        raise TraceError(f"{where}: {column}: expected a number of tokens, found {text!r}")
    return max(1, int(text))


def _time(where: str, text: str | None) -> float:
    try:
        found = datetime.fromisoformat((text or "").strip())
    except ValueError as error:
        raise TraceError(f"{where}: {TIME}: expected a date and time (ISO 8601), found {text!r}") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _rate(times: list[float]) -> float | None:
    lasts = max(times, default=0.0) - min(times, default=0.0)
    return (len(times) - 1) / lasts if lasts > 0 else None


def _mean(lengths: Iterable[int]) -> int:
    return max(1, round(float(np.mean(list(lengths)))))


def _percentiles(lengths: Iterable[int]) -> dict[str, int]:
    """The least length that so many do not exceed."""
    found = np.percentile(list(lengths), PERCENTILES, method="inverted_cdf")
    return {f"p{percentile}": int(tokens) for percentile, tokens in zip(PERCENTILES, found, strict=True)}
