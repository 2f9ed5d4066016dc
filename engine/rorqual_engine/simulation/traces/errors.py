"""What is wrong with a trace, and what a reader does about a bad row."""

from collections.abc import Callable
from dataclasses import dataclass, field

_EXAMPLES = 5
_LONGEST = 80


class TraceError(ValueError):
    """A file that is not what it was read as; says what was expected and what was found."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that cannot be a request."""

    line: int
    """Counted from 1, the header included."""
    expected: str
    found: str

    def __str__(self) -> str:
        found = self.found if len(self.found) <= _LONGEST else f"{self.found[:_LONGEST]}…"
        return f"line {self.line}: expected {self.expected}; found {found!r}"


OnBadRow = Callable[[BadRow], None]
"""Told of every bad row, in the order of lines; the row is left out when it returns."""


def refuse(row: BadRow) -> None:
    """The default: a bad row refuses the file."""
    raise TraceError(str(row))


@dataclass(slots=True)
class Skipped:
    """Counts bad rows and keeps the first few; its `add` is an `OnBadRow`."""

    count: int = 0
    first: list[BadRow] = field(default_factory=list)

    def add(self, row: BadRow) -> None:
        self.count += 1
        if len(self.first) < _EXAMPLES:
            self.first.append(row)
