"""Rows of a CSV as one array of bytes with the place of every field: so that tens of millions of rows read in a minute.

Fields are neither quoted nor padded with blanks, as in every published trace.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.simulation.traces.errors import BadRow

CHUNK_ROWS = 1 << 16
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Table:
    """Some rows; `begins` and `ends` have one row a line and one column a field."""

    text: NDArray[np.uint8]
    begins: Places
    ends: Places
    lines: NDArray[np.int64]
    """Number of each row's line, from 1."""
    misfits: list[BadRow]
    """Rows between them that have another number of fields."""

    def __len__(self) -> int:
        return len(self.lines)

    def field(self, row: int, column: int) -> str:
        return _decoded(self.text[self.begins[row, column] : self.ends[row, column]])

    def left(self, column: int, width: int) -> NDArray[np.uint8]:
        """The first `width` bytes of a column's fields, one row a field; zeros follow shorter ones."""
        at = self.begins[:, column, None] + np.arange(width)
        return np.where(at < self.ends[:, column, None], self.text[np.minimum(at, len(self.text) - 1)], 0)

    def right(self, column: int, width: int) -> NDArray[np.uint8]:
        """The last `width` bytes of a column's fields; zeros stand before shorter ones."""
        at = self.ends[:, column, None] - width + np.arange(width)
        return np.where(at >= self.begins[:, column, None], self.text[np.maximum(at, 0)], 0)

    def widths(self, column: int) -> NDArray[np.int64]:
        return self.ends[:, column] - self.begins[:, column]


def tables(lines: Iterable[str], columns: int, first_line: int) -> Iterator[Table]:
    """The rows by chunks; blank lines are passed over. `first_line` is the number of the first of `lines`."""
    rest = iter(lines)
    while chunk := list(islice(rest, CHUNK_ROWS)):
        yield _table(chunk, columns, first_line)
        first_line += len(chunk)


def _table(chunk: list[str], columns: int, first_line: int) -> Table:
    joined = "\n".join([line.rstrip("\r\n") for line in chunk]) + "\n"
    text = np.frombuffer(joined.encode("utf-8", "replace"), dtype=np.uint8)
    row_ends = np.flatnonzero(text == ord("\n"))
    row_begins = np.concatenate(([0], row_ends[:-1] + 1))
    commas = np.flatnonzero(text == ord(","))
    first_comma = np.searchsorted(commas, row_begins)
    fields = np.searchsorted(commas, row_ends) - first_comma + 1
    filled = row_ends > row_begins
    misfits = [
        BadRow(first_line + int(row), f"{columns} fields", _decoded(text[row_begins[row] : row_ends[row]]))
        for row in np.flatnonzero(filled & (fields != columns))
    ]
    good = np.flatnonzero(filled & (fields == columns))
    inner = commas[first_comma[good, None] + np.arange(columns - 1)] if len(good) else np.zeros((0, columns - 1), int)
    begins = np.hstack([row_begins[good, None], inner + 1])
    ends = np.hstack([inner, row_ends[good, None]])
    return Table(text, begins, ends, first_line + good, misfits)


def _decoded(text: NDArray[np.uint8]) -> str:
    return text.tobytes().decode("utf-8", "replace")
