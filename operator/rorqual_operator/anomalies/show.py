"""What was found, as a table, as a document and as a picture."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from rorqual_engine.detection.learned import Deviation
from rorqual_engine.units import format_duration
from rorqual_operator.anomalies.search import Found, Result

EPOCH_FROM = 1e8
"""Greater times are seconds since the epoch, not since the beginning of a file."""


def table(result: Result) -> Table:
    found = Table(box=None, pad_edge=False)
    for name, justify in (("since", "left"), ("for", "right"), ("score", "right"), ("evidence", "left")):
        found.add_column(name, justify=justify)  # type: ignore[arg-type]
    for one in result.found:
        lasted = format_duration(max(one.until - one.since, result.series.step_seconds))
        evidence = "; ".join(_told(part) for part in one.evidence)
        found.add_row(moment(one.since), lasted if one.over else f"{lasted} +", f"{one.score:.1f}", evidence)
    return found


def headline(result: Result) -> str:
    """What was looked at."""
    span = format_duration(result.series.at[-1] - result.series.at[0])
    missing = f"; never known: {', '.join(result.missing)}" if result.missing else ""
    return (
        f"{len(result.found)} episodes in {span}: {len(result.series.at):,} samples of {len(result.series.names)} "
        f"metrics, detector {result.detector}, learned from the first {result.learned:,}; score is over the limit"
        f"{missing}"
    )


def document(result: Result) -> str:
    """JSON: one object an episode."""
    return json.dumps([_row(one) for one in result.found], indent=1)


def _row(one: Found) -> dict[str, object]:
    return {
        "since": one.since,
        "until": one.until if one.over else None,
        "score": round(one.score, 3),
        "evidence": [
            {"metric": part.metric, "observed": part.observed, "expected": part.expected, "share": round(part.share, 3)}
            for part in one.evidence
        ],
    }


def _told(part: Deviation) -> str:
    return f"{part.metric} {part.observed:.4g}, usually {part.expected:.4g}"


def moment(at: float) -> str:
    """A time for people; seconds where the file tells no dates."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at > EPOCH_FROM else f"{at:g} s"


def draw(result: Result, title: str, file: Path) -> None:
    """Every metric, the score and its limit, with the episodes shaded; needs matplotlib (the extra `plot`)."""
    from matplotlib.figure import Figure

    series = result.series
    figure = Figure(figsize=(12, 1.3 * (len(series.names) + 2)), layout="constrained")
    axes: Any = figure.subplots(len(series.names) + 1, 1, sharex=True)
    hours = (series.at - series.at[0]) / 3600
    axes[0].plot(hours, result.scores, color="black", linewidth=0.8)
    axes[0].axhline(result.limit, color="tab:red", linewidth=0.8, linestyle="--")
    axes[0].set_ylabel("score", rotation=0, ha="right")
    for axis, name, values in zip(axes[1:], series.names, series.values.T, strict=True):
        axis.plot(hours, values, linewidth=0.8)
        axis.set_ylabel(name.replace("$", r"\$"), rotation=0, ha="right")
    for axis in axes:
        for one in result.found:
            axis.axvspan(
                (one.since - series.at[0]) / 3600, (one.until - series.at[0]) / 3600, color="tab:red", alpha=0.2
            )
        axis.axvline(hours[result.learned - 1], color="tab:grey", linewidth=0.8, linestyle=":")
    axes[-1].set_xlabel(f"hours since {moment(float(series.at[0]))}; learned from up to the dotted line")
    figure.suptitle(title.replace("$", r"\$"))
    figure.savefig(file, dpi=110)
