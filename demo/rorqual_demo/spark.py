"""Small charts out of block characters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text

_BLOCKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a time in seconds; None where nothing is known."""

    at: float
    value: float | None


def bin_points(points: Iterable[Point], span_seconds: float, cells: int) -> list[float | None]:
    """The largest value in each of `cells` equal parts of 0..span_seconds; None where there is none."""
    found: list[float | None] = [None] * cells
    for point in points:
        index = min(int(point.at / span_seconds * cells), cells - 1)
        known = found[index]
        if point.value is not None and index >= 0:
            found[index] = point.value if known is None else max(known, point.value)
    return found


def sparkline(values: Sequence[float | None], top: float, style: str, limit: float | None = None) -> Text:
    """One character a value, full height at `top`; those above `limit` are red."""
    text = Text()
    for value in values:
        over = limit is not None and value is not None and value > limit
        text.append(_block(value, top), style="bold red" if over else style)
    return text


def _block(value: float | None, top: float) -> str:
    if value is None:
        return " "
    share = min(max(value / top, 0.0), 1.0) if top > 0 else 0.0
    return _BLOCKS[max(1, round(share * (len(_BLOCKS) - 1)))]


def bar(share: float, cells: int, style: str) -> Text:
    """A horizontal bar, `share` 0..1 of it full."""
    full = round(min(max(share, 0.0), 1.0) * cells)
    return Text.assemble(("█" * full, style), ("░" * (cells - full), "dim"))
