"""The summary as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rorqual_demo.scene import Scene
from rorqual_demo.summary import Summary
from rorqual_demo.view import minutes, seconds_text


def write_report(scene: Scene, summary: Summary) -> str:
    """The text of summary.md."""
    return "\n".join([*_figures(scene, summary), "", *_minutes(summary), "", *_decisions(summary)]) + "\n"


def _figures(scene: Scene, summary: Summary) -> Iterator[str]:
    objective = seconds_text(scene.ttft_objective_seconds)
    errors = ", ".join(f"{count} × {cause}" for cause, count in summary.errors.items()) or "none"
    saved = 1 - summary.gpu_hours / summary.gpu_hours_static if summary.gpu_hours_static else 0.0
    yield f"# {scene.key}: {scene.model} on {scene.gpu}"
    yield ""
    yield f"Engine: {scene.engine}. Load: the Azure conversation trace, {scene.scaling}."
    yield ""
    yield "| | |"
    yield "|---|---|"
    counts = f"{summary.sent:,} sent, {summary.answered:,} answered, {summary.retried} tried on a second pod"
    yield f"| requests | {counts} |"
    yield f"| errors | {errors} |"
    yield f"| tokens streamed | {summary.tokens:,} |"
    yield f"| TTFT | median {seconds_text(summary.ttft_p50_seconds)}, p95 {seconds_text(summary.ttft_p95_seconds)} |"
    yield f"| time per output token | median {seconds_text(summary.tpot_p50_seconds)} |"
    yield f"| within the objective ({objective} to the first token) | {summary.in_time:.1%} of the requests |"
    yield f"| ready replicas | {summary.replicas_least} to {summary.replicas_most} |"
    yield (
        f"| GPU-hours held by the pods | {summary.gpu_hours:.3f}; {scene.max_replicas} replicas all the time: "
        f"{summary.gpu_hours_static:.3f} ({saved:.0%} saved) |"
    )


def _minutes(summary: Summary) -> Iterator[str]:
    yield "| minute | requests | ready replicas | TTFT p95 | within the objective |"
    yield "|---:|---:|---:|---:|---:|"
    for one in summary.minutes:
        yield (
            f"| {one.number} | {one.sent} | {one.replicas_ready:.1f} | {seconds_text(one.ttft_p95_seconds)} "
            f"| {one.in_time:.1%} |"
        )


def _decisions(summary: Summary) -> Iterator[str]:
    yield f"Decisions ({summary.holds} to hold beside these):"
    yield ""
    for one in summary.changes:
        limited = f", limited by {one.decision.limited_by}" if one.decision.limited_by else ""
        yield f"- {minutes(one.at)} **{one.decision.change}** {one.decision.reason}{limited}: {one.decision.message}"
    if not summary.changes:
        yield "- none"
