"""The last samples of many services' metrics, and which of them a detector found unusual."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from rorqual_operator.anomalies.labels import Label, within
from rorqual_operator.anomalies.prometheus import Row
from rorqual_operator.anomalies.series import Series

KEPT = 1440
"""Samples: a day of minutes."""
MOST_LEFT_OUT = 0.1
"""Share of a history, besides labelled faults, that is not learned from: what is unusual for longer is the usual."""


class History:
    """Of one service; the newest sample last, at about equal distances."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._at: deque[float] = deque(maxlen=KEPT)
        self._rows: deque[NDArray[np.float32]] = deque(maxlen=KEPT)
        self._unusual: deque[bool] = deque(maxlen=KEPT)

    def __len__(self) -> int:
        return len(self._at)

    def recall(self, past: Series) -> None:
        """Takes in what was before the first sample; times at which nothing is known are left out."""
        for at, values in zip(past.at, past.values, strict=True):
            if np.isfinite(values).any():
                self._append(float(at), values)

    def take(self, at: float, row: Row) -> None:
        self._append(at, np.array([row.get(name, np.nan) for name in self._names]))

    def _append(self, at: float, values: NDArray[np.float64]) -> None:
        self._at.append(at)
        self._rows.append(values.astype(np.float32))
        self._unusual.append(False)

    def mark_unusual(self) -> None:
        """The newest sample."""
        self._unusual[-1] = True

    def series(self, newest: int = KEPT) -> Series:
        """The newest samples."""
        at, rows = list(self._at)[-newest:], list(self._rows)[-newest:]
        return Series(np.array(at), self._names, np.array(rows, dtype=np.float64).reshape(len(at), len(self._names)))

    def left_out(self, labels: tuple[Label, ...]) -> NDArray[np.bool_]:
        """Samples that nothing is to be learned from: labelled as a fault, or unusual and not labelled normal."""
        at, unusual = np.array(self._at), np.array(self._unusual, dtype=np.bool_)
        own = unusual & ~within(at, labels, "normal")
        if own.mean() > MOST_LEFT_OUT:
            own[:] = False
        return own | within(at, labels, "fault")
