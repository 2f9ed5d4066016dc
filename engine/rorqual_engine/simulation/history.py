"""A service's past, one row a scrape: what Prometheus would answer about it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COUNTERS = (
    "arrived",  # requests, at the gateway
    "arrived_input_tokens",
    "answered",  # first tokens
    "finished",  # requests
    "finished_input_tokens",
    "finished_output_tokens",
    "prompt_tokens",  # prefilled
    "generated_tokens",
    "preempted",
)
GAUGES = ("running", "waiting", "held", "kv_use", "ready", "asked")
"""Sums over ready replicas; `kv_use` is their mean."""
_PLACES = {name: place for place, name in enumerate(("at", *COUNTERS, *GAUGES))}
Column = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Window:
    """The last so many seconds; shorter where the run is younger."""

    seconds: float
    counts: dict[str, float]
    """Increase of each counter."""
    gauges: dict[str, Column]
    """One entry a scrape after the window's beginning, the newest last; never empty once there was a scrape."""
    ttft_seconds: Column
    """Of the requests whose first token came in the window."""
    itl_seconds: Column
    """Of the requests of at least two tokens that finished in the window: mean time per token after the first."""
    growth_of_held: float = 0.0
    """Requests at the gateway at its end over those at its beginning."""

    def rate(self, counter: str) -> float:
        """Increase a second; 0 while nothing is known yet."""
        return self.counts[counter] / self.seconds if self.seconds > 0 else 0.0

    @property
    def input_tokens(self) -> float | None:
        """Mean prompt of what arrived; None when nothing did."""
        arrived = self.counts["arrived"]
        return self.counts["arrived_input_tokens"] / arrived if arrived > 0 else None

    @property
    def output_tokens(self) -> float | None:
        """Mean answer of what finished; None when nothing did."""
        finished = self.counts["finished"]
        return self.counts["finished_output_tokens"] / finished if finished > 0 else None


class History:
    """Rows of scrapes; grows as the run goes on."""

    def __init__(self) -> None:
        self._rows = np.zeros((256, len(_PLACES)))
        self._length = 0
        self._ttft = np.zeros(0)
        self._itl = np.zeros(0)
        self._itl_ends: list[int] = []

    def __len__(self) -> int:
        return self._length

    def add(self, row: dict[str, float], ttft_seconds: Column, itl_seconds: Column) -> None:
        """One scrape: `at`, every counter and gauge; latencies in the order of first tokens and of finishes so far.

        The latency arrays are the whole run's so far, so that nothing is copied: the row's own part is told by the
        counters.
        """
        if self._length == len(self._rows):
            self._rows = np.vstack([self._rows, np.zeros_like(self._rows)])
        for name, place in _PLACES.items():
            self._rows[self._length, place] = row[name]
        self._length += 1
        self._ttft, self._itl = ttft_seconds, itl_seconds
        self._itl_ends.append(len(itl_seconds))

    def column(self, name: str) -> Column:
        """All of one column, the oldest first."""
        return self._rows[: self._length, _PLACES[name]]

    def window(self, seconds: float) -> Window:
        """The last `seconds` before the newest scrape."""
        at = self.column("at")
        if len(at) == 0:
            empty = np.zeros(0)
            return Window(0.0, dict.fromkeys(COUNTERS, 0.0), dict.fromkeys(GAUGES, empty), empty, empty)
        base = max(0, int(np.searchsorted(at, at[-1] - seconds + 1e-9, side="right")) - 1)
        before, last = self._rows[base], self._rows[self._length - 1]
        counts = {name: float(last[_PLACES[name]] - before[_PLACES[name]]) for name in COUNTERS}
        newer = slice(min(base + 1, self._length - 1), self._length)
        gauges = {name: self._rows[newer, _PLACES[name]] for name in GAUGES}
        answered = slice(int(before[_PLACES["answered"]]), int(last[_PLACES["answered"]]))
        finished = slice(self._itl_ends[base], self._itl_ends[self._length - 1])
        held = float(last[_PLACES["held"]] - before[_PLACES["held"]])
        return Window(float(last[0] - before[0]), counts, gauges, self._ttft[answered], self._itl[finished], held)
