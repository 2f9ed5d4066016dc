"""The search as a table that a person reads at a glance."""

from collections.abc import Callable, Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rorqual_engine.plan import Bounds
from rorqual_engine.sizing.alternative import Alternative
from rorqual_engine.units import format_duration
from rorqual_operator.advice.report import Report
from rorqual_operator.advice.spread import describe_spread

SHOWN = 12
"""Alternatives in the table; -o json has all of them."""
COLUMNS = (
    ("GPUs", "left"),
    ("seqs", "right"),
    ("share", "right"),
    ("context", "right"),
    ("replicas", "right"),
    ("cost/h", "right"),
    ("requests/s each", "right"),
    ("TTFT p95", "right"),
    ("TPOT p95", "right"),
    ("sure", "right"),
)
BASIS = ("by", "left")
"""Which predictor the figures are of, where more than one was asked."""


def render(report: Report) -> RenderableType:
    """Headline, table of alternatives, what fell and why."""
    parts: list[RenderableType] = [_headline(report), Text(report.recommendation.explanation, style="dim")]
    parts += [Text(f"pin: {pin}") for pin in report.recommendation.pins]
    if report.answer.alternatives:
        parts += [Text(""), _table(report), Text("in brackets: bounds of nine cases in ten", style="dim")]
        parts += [Text(describe_spread(report.case.wish.prompts, report.case.wish.answers), style="dim")]
    parts += [Text(line, style="dim") for line in _consulted(report)]
    parts += [Text(line) for line in _fallen(report)]
    return Group(*parts)


def _consulted(report: Report) -> Iterator[str]:
    asked = report.consultation
    if asked is not None:
        yield (
            f"{asked.oracle} answered for {asked.answered} of the {asked.asked} alternatives that it was asked for; "
            "the others are by the law, and so are all bounds"
        )


def _headline(report: Report) -> Text:
    chosen = report.recommendation.configuration
    text = f"{report.spec.model.name}: {chosen.replica}"
    if report.possible:
        return Text(text, style="bold green")
    return Text(f"{text}, but {report.recommendation.problem}", style="bold red")


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    more = [BASIS] if report.consultation else []
    for title, side in (*COLUMNS, *more):
        table.add_column(title, justify="right" if side == "right" else "left", no_wrap=True)
    for alternative in report.answer.alternatives[:SHOWN]:
        chosen = alternative.configuration == report.recommendation.configuration
        style = "green" if chosen else "" if alternative.meets else "dim"
        told = [alternative.basis] if report.consultation else []
        table.add_row(*_row(alternative, "> " if chosen else "  "), *told, style=style)
    return table


def _row(alternative: Alternative, mark: str) -> Iterator[str]:
    chosen, expected = alternative.configuration, alternative.expected
    yield mark + alternative.name
    yield str(chosen.max_concurrent_sequences)
    yield f"{chosen.gpu_memory_share:g}"
    yield f"{chosen.max_context_tokens:,}"
    yield str(expected.replicas)
    yield "-" if expected.cost_per_hour is None else f"{expected.cost_per_hour:.2f}"
    yield _figure(expected.requests_per_second, "{:.3g}".format)
    yield _figure(expected.ttft_p95_seconds, format_duration)
    yield _figure(expected.tpot_p95_seconds, format_duration)
    yield "-" if expected.confidence is None else f"{expected.confidence:.0%}"


def _figure(bounds: Bounds, write: Callable[[float], str]) -> str:
    return f"{write(bounds.value)} [{write(bounds.low)}, {write(bounds.high)}]"


def _fallen(report: Report) -> Iterator[str]:
    fallen = [(one.name, report.why_not(place)) for place, one in enumerate(report.answer.alternatives)]
    told = [f"  {name}: {reason}" for name, reason in fallen if reason]
    told += [f"  {rejection}" for rejection in report.answer.rejected]
    if told:
        yield ""
        yield "Not taken:"
        yield from told[:SHOWN]
    if len(told) > SHOWN:
        yield f"  and {len(told) - SHOWN} more: -o yaml has them"
