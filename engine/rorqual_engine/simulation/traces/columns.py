"""The columns of a CSV that a reader wants, from its header and its rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.simulation.traces.errors import BadRow, OnBadRow, TraceError
from rorqual_engine.simulation.traces.fields import Good, Kind
from rorqual_engine.simulation.traces.table import Table, tables

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Column:
    """One that is wanted: its name in the header, its place in a row, what its fields are."""

    name: str
    place: int
    kind: Kind

    @property
    def expected(self) -> str:
        return f"{self.name} as {self.kind.expected}"


def header_of(lines: Iterator[str], expected: str) -> list[str]:
    """The names in the first line; TraceError when there is none."""
    for line in lines:
        return names_in(line)
    raise TraceError(f"line 1: expected {expected}; found the end of the file")


def names_in(line: str) -> list[str]:
    """A header's names, as they are written."""
    return [name.strip() for name in line.lstrip("\ufeff").strip("\r\n").split(",")]


def read_columns(
    rows: Iterable[str], columns: Sequence[Column], width: int, on_bad: OnBadRow, first_line: int = 2
) -> list[Values]:
    """The wanted columns' values, one array each; a row that is bad in one of them is left out of all.

    `width`: fields of a row. TraceError when no good row is there.
    """
    chunks = [_values(table, columns, on_bad) for table in tables(rows, width, first_line)]
    values = [
        np.concatenate([chunk[place] for chunk in chunks]) if chunks else np.zeros(0) for place in range(len(columns))
    ]
    if len(values[0]) == 0:
        raise TraceError(f"expected rows of {', '.join(column.name for column in columns)}; found none that is good")
    return values


def _values(table: Table, columns: Sequence[Column], on_bad: OnBadRow) -> list[Values]:
    parsed = [column.kind.parse(table, column.place) for column in columns]
    good: Good = np.logical_and.reduce([each for _, each in parsed])
    bad = [
        _bad(table, columns, [bool(each[place]) for _, each in parsed], int(place)) for place in np.flatnonzero(~good)
    ]
    for row in sorted([*table.misfits, *bad], key=lambda row: row.line):
        on_bad(row)
    return [values[good] for values, _ in parsed]


def _bad(table: Table, columns: Sequence[Column], good: list[bool], row: int) -> BadRow:
    column = columns[good.index(False)]
    return BadRow(int(table.lines[row]), column.expected, table.field(row, column.place))
