"""The Pareto front as a picture; needs matplotlib (the extra `plot`)."""

from pathlib import Path

from rorqual_engine.sizing.alternative import Alternative
from rorqual_engine.sizing.front import Front
from rorqual_operator.advice.report import Report

MARKS = "osD^vP*X<>"


def draw(report: Report, front: Front, file: Path) -> None:
    """Writes two panels: TPOT and TTFT against the cost of a million output tokens (or of GPUs, without prices)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axis, signal in ((left, "tpot"), (right, "ttft")):
        _panel(axis, report, front, signal)
    left.legend(fontsize="small")
    figure.suptitle(f"{report.spec.model.name}: Pareto front of {front.explored} operating points")
    figure.savefig(file, dpi=120)


def _panel(axis: object, report: Report, front: Front, signal: str) -> None:
    names = sorted({point.name for point in front.points})
    for place, name in enumerate(names):
        points = [point for point in front.points if point.name == name]
        values = [_latency(point, signal) for point in points]
        middle = [value for _, value, _ in values]
        errors = [[value - low for low, value, _ in values], [high - value for _, value, high in values]]
        axis.errorbar(  # type: ignore[attr-defined]
            [_cost(point) for point in points], middle, yerr=errors, fmt=MARKS[place % len(MARKS)], label=name,
            markersize=4, elinewidth=0.5,
        )  # fmt: skip
    _limits(axis, report, signal)
    unit = "cost of a million output tokens" if _priced(front) else "GPU hours for a million output tokens"
    axis.set(xscale="log", yscale="log", xlabel=unit, ylabel=f"{signal.upper()} p95, ms")  # type: ignore[attr-defined]


def _limits(axis: object, report: Report, signal: str) -> None:
    for objective in report.case.wish.objectives:
        if objective.signal == signal:
            axis.axhline(objective.seconds * 1000, color="grey", linestyle="--", linewidth=1)  # type: ignore[attr-defined]


def _latency(point: Alternative, signal: str) -> tuple[float, float, float]:
    expected = point.expected
    bounds = expected.tpot_p95_seconds if signal == "tpot" else expected.ttft_p95_seconds
    return bounds.low * 1000, bounds.value * 1000, bounds.high * 1000


def _priced(front: Front) -> bool:
    return all(point.expected.cost_per_hour is not None for point in front.points)


def _cost(point: Alternative) -> float:
    """Of a million output tokens on fully used replicas, as money or as GPU hours."""
    expected = point.expected
    hourly = expected.cost_per_hour
    if hourly is None:
        hourly = float(point.configuration.gpus * expected.replicas)
    return hourly / (expected.tokens_per_second.value * expected.replicas * 3600) * 1e6
