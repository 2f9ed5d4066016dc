"""ServeGen's rates (t_s, req_per_s: one row a window), and requests drawn at them.

https://github.com/alibaba/ServeGen. The rates are measured; arrivals inside a window and lengths are drawn.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.simulation.arrivals import Family, RateCurve, arrivals
from rorqual_engine.simulation.lengths import Lengths
from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.traces.columns import Column, header_of, read_columns
from rorqual_engine.simulation.traces.errors import OnBadRow, TraceError, refuse
from rorqual_engine.simulation.traces.fields import DECIMAL, Kind

HEADER = ["t_s", "req_per_s"]
_RATE = Kind("a number of requests a second, 0 or more", DECIMAL.parse)
_COLUMNS = [Column("t_s", 0, DECIMAL), Column("req_per_s", 1, _RATE)]


@dataclass(frozen=True, slots=True)
class Rates:
    """Mean requests a second in windows of one length, from 0."""

    requests_per_second: NDArray[np.float64]
    window_seconds: float

    @property
    def duration_seconds(self) -> float:
        return len(self.requests_per_second) * self.window_seconds

    def between(self, begin_seconds: float, end_seconds: float) -> "Rates":
        """The windows that begin within the two."""
        first, last = (round(at / self.window_seconds) for at in (begin_seconds, end_seconds))
        found = self.requests_per_second[max(first, 0) : last]
        if len(found) == 0:
            raise TraceError(
                f"rates: expected a stretch within 0 and {self.duration_seconds:g} s; "
                f"found {begin_seconds:g} to {end_seconds:g}"
            )
        return Rates(found, self.window_seconds)


@dataclass(frozen=True, slots=True)
class Draw:
    """How requests are drawn at given rates."""

    input_tokens: Lengths
    output_tokens: Lengths
    factor: float = 1.0
    """On every rate."""
    cv: float = 1.0
    """Of the gaps between arrivals; 1 is Poisson."""
    family: Family = "gamma"


def read_rates(lines: Iterable[str], on_bad: OnBadRow = refuse) -> Rates:
    """Windows must follow each other at one distance; with rows left out they do not, which is a TraceError."""
    rest = iter(lines)
    header = header_of(rest, ",".join(HEADER))
    if header != HEADER:
        raise TraceError(f"line 1: expected {','.join(HEADER)}; found {','.join(header)!r}")
    begins, rates = read_columns(rest, _COLUMNS, len(HEADER), on_bad)
    gaps = np.diff(begins)
    if len(gaps) == 0 or gaps[0] <= 0 or not np.allclose(gaps, gaps[0]):
        raise TraceError("t_s: expected two windows or more, at one distance; found " + _distances(gaps))
    return Rates(rates, float(gaps[0]))


def draw_at(rates: Rates, draw: Draw, generator: np.random.Generator) -> Requests:
    """Requests at the rates, from the first window's begin to the last one's end."""
    begins = np.arange(len(rates.requests_per_second)) * rates.window_seconds
    curve = RateCurve.of_steps(
        begins.tolist(), (rates.requests_per_second * draw.factor).tolist(), rates.duration_seconds
    )
    at = arrivals(curve, generator, draw.cv, draw.family)
    prompts, answers = (lengths.draw(len(at), generator) for lengths in (draw.input_tokens, draw.output_tokens))
    return requests_of(at, prompts, answers, rates.duration_seconds)


def _distances(gaps: NDArray[np.float64]) -> str:
    return f"distances of {gaps.min():g} to {gaps.max():g} s" if len(gaps) else "one"
