"""The rows as a table that a person reads at a glance."""

import math
from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from rorqual_engine.units import format_duration
from rorqual_operator.study.summary import Row, unbeaten

COLUMNS = ("good", "95 % CI", "GPU-hours", "good/s per GPU", "TTFT p95", "ITL p95", "scalings", "reversals")


def render(rows: Sequence[Row]) -> Table:
    """One line a policy; `*` marks what nobody beats on both good rate and GPU-hours."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("policy", no_wrap=True)
    for title in COLUMNS:
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        first = unbeaten(row, rows)
        table.add_row(Text(f"{'*' if first else ' '} {row.policy}"), *figures(row), style="bold" if first else "")
    return table


def figures(row: Row) -> Iterator[str]:
    """What stands below COLUMNS."""
    yield f"{row.good_rate:.1%}"
    yield "-" if row.good_rate_ci is None else "[{:.1%}, {:.1%}]".format(*row.good_rate_ci)
    yield f"{row.gpu_hours:.2f}"
    yield f"{row.goodput_per_gpu:.2f}"
    yield duration(row.ttft_p95)
    yield duration(row.itl_p95)
    yield f"{row.scale_actions:.3g}"
    yield f"{row.reversals:.3g}"


def duration(seconds: float) -> str:
    """`∞` for what never came."""
    return format_duration(seconds) if math.isfinite(seconds) else "∞"
