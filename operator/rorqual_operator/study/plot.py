"""The frontier and every policy's time lines as a picture; needs matplotlib (the extra `plot`)."""

import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rorqual_engine.simulation.policy import Facts
from rorqual_operator.study.load import ALONE
from rorqual_operator.study.summary import Row, by_workload, unbeaten
from rorqual_operator.study.sweep import Run
from rorqual_operator.study.table import COLUMNS, figures
from rorqual_operator.study.timeline import Timeline

PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font-family:sans-serif;margin:2em}}td,th{{padding:.1em .8em;text-align:right}}
td:first-child,th:first-child{{text-align:left}}svg{{max-width:100%;height:auto}}</style></head>
<body><h1>{title}</h1><table>{rows}</table>{picture}</body></html>
"""


def draw(title: str, rows: Sequence[Row], runs: Sequence[Run], facts: Facts, file: Path) -> None:
    """Writes a picture, or a page that needs no other file where the name ends in .html.

    The frontier is that of all services together, where there are several; each run has its time lines.
    """
    figure = _figure(title, rows, runs, facts)
    if file.suffix == ".html":
        file.write_text(_page(title, rows, figure), "utf-8")
    else:
        figure.savefig(file, dpi=110)


def _figure(title: str, rows: Sequence[Row], runs: Sequence[Run], facts: Facts) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.5 + 2.2 * len(runs)), layout="constrained")
    grid = figure.add_gridspec(1 + len(runs), 2, height_ratios=[2.0, *([1.0] * len(runs))])
    _frontier(figure.add_subplot(grid[0, :]), next(iter(by_workload(rows).values())))
    for place, run in enumerate(runs):
        if run.timeline is not None:
            _replicas(figure.add_subplot(grid[1 + place, 0]), run, run.timeline)
            _ttft(figure.add_subplot(grid[1 + place, 1]), run.timeline, facts)
    figure.suptitle(_literal(title))
    return figure


def _frontier(axis: Any, rows: Sequence[Row]) -> None:
    best = sorted((row.gpu_hours, row.good_rate) for row in rows if unbeaten(row, rows))
    axis.plot(*zip(*best, strict=True), color="tab:green", linewidth=1)
    for row in rows:
        low, high = row.good_rate_ci or (row.good_rate, row.good_rate)
        colour = "tab:green" if unbeaten(row, rows) else "tab:grey"
        spread = [[max(0.0, row.good_rate - low)], [max(0.0, high - row.good_rate)]]
        axis.errorbar([row.gpu_hours], [row.good_rate], yerr=spread, fmt="o", color=colour)
        axis.annotate(_literal(row.policy), (row.gpu_hours, row.good_rate), (5, 4), textcoords="offset points")
    axis.set(xlabel="GPU-hours", ylabel="good rate")


def _replicas(axis: Any, run: Run, line: Timeline) -> None:
    axis.step(line.at / 60, line.asked, where="mid", linestyle="--", label="asked", color="tab:orange")
    axis.step(line.at / 60, line.ready, where="mid", label="ready", color="tab:blue")
    title = run.policy if run.service in ALONE else f"{run.policy}: {run.service}"
    axis.set(title=_literal(title), xlabel="minutes", ylabel="replicas", ylim=(0, None))
    load = axis.twinx()
    load.plot(line.at / 60, line.load, color="tab:grey", linewidth=0.8, label="load")
    load.set(ylabel="requests/s", ylim=(0, None))
    axis.legend(fontsize="x-small", loc="upper left")


def _ttft(axis: Any, line: Timeline, facts: Facts) -> None:
    axis.plot(line.at / 60, line.ttft_p95, color="tab:red", linewidth=0.9)
    axis.axhline(facts.ttft_seconds, color="grey", linestyle="--", linewidth=1)
    axis.set(yscale="log", xlabel="minutes", ylabel="TTFT p95, s")


def _page(title: str, rows: Sequence[Row], figure: Any) -> str:
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    picture = written.getvalue()
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("policy", *COLUMNS))
    parts = by_workload(rows)
    body = "".join(_part(name, of, len(parts) > 1) for name, of in parts.items())
    return PAGE.format(
        title=html.escape(title), rows=f"<tr>{head}</tr>{body}", picture=picture[picture.index("<svg") :]
    )


def _part(name: str, rows: Sequence[Row], named: bool) -> str:
    """The rows of one service, below its name where there are several."""
    head = f"<tr><th>{html.escape(name)}</th></tr>" if named else ""
    return head + "".join(_line(row, rows) for row in rows)


def _line(row: Row, rows: Sequence[Row]) -> str:
    cells = (f"{'*' if unbeaten(row, rows) else ''} {row.policy}", *figures(row))
    return f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>"


def _literal(text: str) -> str:
    """matplotlib reads formulas between dollar signs."""
    return text.replace("$", r"\$")
