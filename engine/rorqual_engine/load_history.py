"""What was asked of a service and what became of it over the last hour: counts since some beginning, by time."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KEPT_SECONDS = 3600.0
LEAST_SECONDS = 1.0
"""Between two rows."""
COUNTS = (
    "arrived",  # requests
    "answered",  # first tokens
    "late",  # of these, those after the objective of TTFT
    "timed",  # tokens, or requests, whose time per output token is known
    "slow",  # of these, those above the objective of TPOT
    "foretold",  # requests that the capacity model expected to miss either
    "finished",  # requests
    "prompt_tokens",
    "generated_tokens",
    "prefix_queried",  # prompt tokens that the prefix cache was asked for
    "prefix_hit",  # of these, those that it held
)
_PLACES = {name: place for place, name in enumerate(("at", *COUNTS))}
Column = NDArray[np.float64]


class LoadHistory:
    """Rows by ascending time. Never changed: what is added to makes a new one."""

    __slots__ = ("_rows",)

    def __init__(self, rows: NDArray[np.float64] | None = None) -> None:
        self._rows = np.zeros((0, len(_PLACES))) if rows is None else rows

    @classmethod
    def of(cls, columns: Mapping[str, Column]) -> "LoadHistory":
        """From `at` and any of COUNTS, cumulative; those that are missing are taken not to have grown."""
        rows = np.zeros((len(columns["at"]), len(_PLACES)))
        for name, values in columns.items():
            rows[:, _PLACES[name]] = values
        return cls(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LoadHistory) and np.array_equal(self._rows, other._rows)

    __hash__ = None  # type: ignore[assignment]

    @property
    def at(self) -> Column:
        return self._rows[:, 0]

    def column(self, name: str) -> Column:
        """Of COUNTS; the oldest first."""
        return self._rows[:, _PLACES[name]]

    def add(self, since: float, at: float, growth: Mapping[str, float]) -> "LoadHistory":
        """With a row at `at` for what grew since `since`; the same where `at` is not after the last one.

        A time before `since` of which nothing is known counts as if it had been like this one. Rows of before the last
        hour go.
        """
        rows = self._rows
        if not len(rows):
            rows = np.zeros((1, len(_PLACES)))
            rows[0, 0] = min(since, at - LEAST_SECONDS) if any(growth.values()) else min(since, at)
        if at <= rows[-1, 0]:
            return self if len(self._rows) else LoadHistory(rows)
        unknown = max(0.0, since - rows[-1, 0])
        row = rows[-1].copy()
        row[0] = at
        for name, value in growth.items():
            row[_PLACES[name]] += max(0.0, value) * (1.0 + unknown / max(at - since, LEAST_SECONDS))
        first = int(np.searchsorted(rows[:, 0], at - KEPT_SECONDS))
        return LoadHistory(np.vstack([rows[first:], row]))

    def window(self, seconds: float) -> "Window":
        """The growth over the last `seconds`; over less where less is known."""
        if not len(self._rows):
            return Window(0.0, dict.fromkeys(COUNTS, 0.0))
        end = self._rows[-1]
        base = max(0, int(self.at.searchsorted(end[0] - seconds + 1e-9, side="right")) - 1)
        seconds, *counts = (end - self._rows[base]).tolist()
        return Window(seconds, dict(zip(COUNTS, counts, strict=True)))


@dataclass(frozen=True, slots=True)
class Window:
    """What grew by how much."""

    seconds: float
    counts: Mapping[str, float]

    @property
    def missed(self) -> float:
        """Share of requests that missed TTFT or TPOT, as if the one had nothing to do with the other."""
        late = self._share("late", "answered")
        slow = self._share("slow", "timed")
        return late + slow - late * slow

    @property
    def prefix_hit_rate(self) -> float | None:
        """Share of prompts' tokens that the prefix cache held; None where it was not asked."""
        return self._share("prefix_hit", "prefix_queried") if self.counts["prefix_queried"] > 0 else None

    def mean(self, tokens: str, requests: str, least: float) -> float | None:
        """Tokens a request; None for fewer than `least` requests."""
        number = self.counts[requests]
        return self.counts[tokens] / number if number >= least and self.counts[tokens] > 0 else None

    def _share(self, part: str, whole: str) -> float:
        return min(1.0, self.counts[part] / self.counts[whole]) if self.counts[whole] > 0 else 0.0
