"""Draws load, replicas and TTFT over one time axis. Needs matplotlib (the extra `plot`)."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rorqual_demo.errors import DemoError
from rorqual_demo.frame import Frame
from rorqual_demo.history import History, SeenDecision
from rorqual_demo.scene import Scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOAD, _READY, _DESIRED, _STARTING = "#1f77b4", "#2ca02c", "#333333", "#ffbf47"
_P50, _P95, _OBJECTIVE = "#9467bd", "#d62728", "#555555"
_SMALLEST_TTFT_SECONDS = 0.1


def check_drawable() -> None:
    """Raises DemoError when a picture cannot be drawn: better before a run of some minutes than after it."""
    if importlib.util.find_spec("matplotlib") is None:
        raise DemoError("the picture needs matplotlib: install the extra, rorqual[plot]")


def draw(path: Path, scene: Scene, history: History) -> None:
    """Writes a PNG of three panels. Raises DemoError without frames."""
    if not history.frames:
        raise DemoError("no frames to draw: the replay did not begin")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 8), layout="constrained")
    load, replicas, ttft = figure.subplots(3, 1, sharex=True, height_ratios=(1, 1.3, 1.2))
    times = [frame.at for frame in history.frames]
    _draw_load(load, times, history.frames)
    _draw_replicas(replicas, times, history.frames, scene)
    _draw_ttft(ttft, times, history.frames, scene)
    for axes in (load, replicas, ttft):
        axes.grid(alpha=0.25)
        axes.axvline(scene.replay_seconds, color="#999999", linestyle=":", linewidth=1)
    _mark(replicas, history.decisions)
    load.set_title(
        f"Rorqual on the Azure conversation trace: {scene.key}, {scene.engine}\n{scene.scaling}", fontsize=10
    )
    ttft.set_xlabel("seconds since the replay's begin (dotted: the load ends)")
    ttft.set_xlim(0, max(times[-1], 1.0))
    figure.savefig(path, dpi=110)


def _draw_load(axes: Axes, times: Sequence[float], frames: Sequence[Frame]) -> None:
    axes.plot(times, [frame.load.requests_per_second for frame in frames], color=_LOAD)
    axes.fill_between(times, [frame.load.requests_per_second for frame in frames], color=_LOAD, alpha=0.15)
    axes.set_ylabel("load\n(requests/s)")
    axes.set_ylim(bottom=0)


def _draw_replicas(axes: Axes, times: Sequence[float], frames: Sequence[Frame], scene: Scene) -> None:
    ready = [frame.replicas.ready for frame in frames]
    starting = [frame.replicas.ready + frame.replicas.starting for frame in frames]
    desired = [frame.replicas.desired for frame in frames]
    axes.fill_between(times, ready, step="post", color=_READY, alpha=0.45, label="ready")
    axes.fill_between(times, ready, starting, step="post", color=_STARTING, alpha=0.6, label="starting")
    axes.step(times, desired, where="post", color=_DESIRED, linewidth=1.5, label="desired")
    axes.set_ylabel("replicas")
    axes.set_ylim(0, scene.max_replicas + 1.5)
    axes.legend(loc="upper right", ncols=3, fontsize=8)


def _draw_ttft(axes: Axes, times: Sequence[float], frames: Sequence[Frame], scene: Scene) -> None:
    for label, color, values in (
        ("p95", _P95, [frame.load.ttft_p95_seconds for frame in frames]),
        ("p50", _P50, [frame.load.ttft_p50_seconds for frame in frames]),
    ):
        axes.plot(times, [float("nan") if value is None else value for value in values], color=color, label=label)
    objective = scene.ttft_objective_seconds
    axes.axhline(objective, color=_OBJECTIVE, linestyle="--", label=f"objective, p95 ≤ {objective:g} s")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _position: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda value, _position: f"{value:g}" if f"{value:.0e}"[0] in "25" else "")
    axes.set_ylim(bottom=_SMALLEST_TTFT_SECONDS)
    axes.set_ylabel("TTFT seen by clients\n(s, log scale)")
    axes.legend(loc="upper right", ncols=3, fontsize=8)


def _mark(axes: Axes, decisions: Sequence[SeenDecision]) -> None:
    """A line and the change at each scaling decision."""
    for one in decisions:
        if not one.decision.is_scaling:
            continue
        up = int(one.decision.after) > int(one.decision.before)
        axes.axvline(one.at, color=_READY if up else _P95, linewidth=0.8, alpha=0.7)
        axes.annotate(
            one.decision.change,
            (one.at, int(one.decision.after)),
            xytext=(3, 6),
            textcoords="offset points",
            fontsize=8,
            fontweight="bold",
        )
