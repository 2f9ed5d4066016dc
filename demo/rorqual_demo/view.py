"""The live view: one frame and the history before it, drawn with rich."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from rorqual_demo.frame import Decision, Frame, Replicas
from rorqual_demo.history import History, SeenDecision
from rorqual_demo.scene import Scene
from rorqual_demo.spark import Point, bar, bin_points, sparkline

WIDTH = 98
_CELLS = 52
_DECISIONS = 5
_TTFT_TOP = 3.0  # the TTFT chart is full at so many times the objective
_MARKS = {"True": ("✓", "green"), "False": ("✗", "dim"), "Unknown": ("?", "yellow")}
_VERDICT_STYLES = {"Healthy": "green", "Overload": "bold red", "Fault": "bold magenta", "Idle": "cyan"}


def render(scene: Scene, history: History) -> RenderableType:
    """The whole view, `WIDTH` columns wide and 30 rows high at most."""
    frame = history.last
    if frame is None:
        return Panel("waiting for the first figures …", width=WIDTH)
    parts = [
        _progress(scene, frame),
        Rule(style="dim"),
        _charts(scene, history, frame),
        Rule("replicas", style="dim", align="left"),
        _replicas(scene, history, frame.replicas),
        Rule("decisions, newest first", style="dim", align="left"),
        _decisions(_telling(history)),
        Rule(style="dim"),
        _health(frame),
    ]
    title = f"[bold]Rorqual[/] · {scene.key} · {scene.model}"
    return Panel(Group(*parts), title=title, subtitle=f"[dim]{scene.engine}[/]", width=WIDTH, border_style="blue")


def minutes(seconds: float) -> str:
    """m:ss"""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def seconds_text(value: float | None) -> str:
    """A latency with three digits, or a dash."""
    if value is None:
        return "–"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.3g} s"


def _progress(scene: Scene, frame: Frame) -> RenderableType:
    phase = "replaying the Azure conversation trace" if frame.at < scene.replay_seconds else "the load has ended"
    grid = Table.grid(expand=True)
    grid.add_column()
    grid.add_column(justify="right")
    clock = Text.assemble(
        (f"{minutes(frame.at)} / {minutes(scene.total_seconds)} ", "bold"),
        bar(frame.at / scene.total_seconds, 20, "blue"),
    )
    grid.add_row(Text(phase, style="bold"), clock)
    return Group(grid, Text(f"{scene.scaling} · {frame.load.sent:,} requests sent", style="dim"))


def _charts(scene: Scene, history: History, frame: Frame) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=10)
    grid.add_column(width=28, no_wrap=True)
    grid.add_column(width=_CELLS)
    load, engines, objective = frame.load, frame.engines, scene.ttft_objective_seconds
    failed = f" · [bold red]{load.failed} failed[/]" if load.failed else ""
    chart = _chart_of(scene, history)
    late = load.ttft_p95_seconds is not None and load.ttft_p95_seconds > objective
    ttft = f"[bold {'red' if late else 'green'}]{seconds_text(load.ttft_p95_seconds)}[/]"
    kv = engines.kv_use
    grid.add_row(
        "load",
        f"[bold]{load.requests_per_second:.1f}[/] req/s · {load.in_flight} open{failed}",
        chart("cyan", lambda one: one.load.requests_per_second),
    )
    grid.add_row(
        "tokens",
        f"[bold]{load.tokens_per_second:,.0f}[/] tok/s",
        chart("cyan", lambda one: one.load.tokens_per_second),
    )
    grid.add_row(
        "queue",
        f"[bold]{engines.waiting:.0f}[/] waiting · {engines.running:.0f} running",
        chart("yellow", lambda one: one.engines.waiting),
    )
    grid.add_row("KV cache", "–" if kv is None else f"[bold]{kv:.0%}[/] in use", bar(kv or 0.0, _CELLS, "magenta"))
    points = bin_points(
        (Point(one.at, one.load.ttft_p95_seconds) for one in history.frames), scene.total_seconds, _CELLS
    )
    grid.add_row(
        "TTFT p95",
        f"{ttft} · objective {seconds_text(objective)}",
        sparkline(points, objective * _TTFT_TOP, "green", limit=objective),
    )
    return grid


def _chart_of(scene: Scene, history: History) -> Callable[[str, Callable[[Frame], float]], Text]:
    """A function that charts one figure of all frames, scaled to its largest."""

    def chart(style: str, figure: Callable[[Frame], float]) -> Text:
        points = [Point(one.at, figure(one)) for one in history.frames]
        top = max((point.value or 0.0 for point in points), default=0.0)
        return sparkline(bin_points(points, scene.total_seconds, _CELLS), top, style)

    return chart


def _replicas(scene: Scene, history: History, replicas: Replicas) -> RenderableType:
    squares = Text.assemble(
        ("■ " * replicas.ready, "green"),
        ("▣ " * replicas.starting, "yellow"),
        ("□ " * replicas.ending, "red"),
        ("· " * max(0, scene.max_replicas - replicas.ready - replicas.starting - replicas.ending), "dim"),
    )
    words = (
        f"desired [bold]{replicas.desired}[/] · [green]■ {replicas.ready} ready[/] · "
        f"[yellow]▣ {replicas.starting} starting[/] · [red]□ {replicas.ending} ending[/]"
    )
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=39, no_wrap=True)
    grid.add_column(width=_CELLS)
    points = [Point(one.at, one.replicas.ready) for one in history.frames]
    ready = sparkline(bin_points(points, scene.total_seconds, _CELLS), scene.max_replicas, "green")
    grid.add_row(squares, ready)
    return Group(Text.from_markup(words), grid)


def _telling(history: History) -> list[SeenDecision]:
    """The changes, and the newest decision if that is to hold: earlier holds say what later changes say better."""
    newest = history.decisions[-1:]
    return [*history.changes, *(one for one in newest if one.decision.is_hold)][-_DECISIONS:]


def _decisions(seen: list[SeenDecision]) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=5, style="dim")
    grid.add_column(width=9, style="bold")
    grid.add_column(width=76)
    for one in reversed(seen):
        grid.add_row(minutes(one.at), one.decision.change, _why(one.decision))
    return grid if seen else Text("none yet", style="dim")


def _why(decision: Decision) -> Text:
    """Reason, limit and message, on two lines at most."""
    limited = f" (limited by {decision.limited_by})" if decision.limited_by else ""
    text = Text.assemble((decision.reason, "bold cyan"), (limited, "yellow"), " ", decision.message)
    text.truncate(2 * 72, overflow="ellipsis")
    return text


def _health(frame: Frame) -> RenderableType:
    service = frame.service
    text = Text.assemble(
        "verdict ",
        (service.verdict, _VERDICT_STYLES.get(service.verdict, "dim")),
        (f" · {service.reason}" if service.reason else ""),
        "\n",
    )
    for kind in ("Ready", "Progressing", "MetricsAvailable", "ScalingActive", "AbleToScale", "ScalingLimited"):
        status, _reason, _message = service.conditions.get(kind, ("Unknown", "", ""))
        mark, style = _MARKS[status]
        text.append(f"{kind} {mark}  ", style=style)
    return text


def line(frame: Frame) -> str:
    """The frame as one line, for output that is no terminal."""
    load, replicas, engines = frame.load, frame.replicas, frame.engines
    kv = "–" if engines.kv_use is None else f"{engines.kv_use:.0%}"
    return (
        f"{minutes(frame.at)}  load {load.requests_per_second:4.1f} req/s  replicas {replicas.ready} ready "
        f"+{replicas.starting} starting, {replicas.desired} desired  waiting {engines.waiting:3.0f}  KV {kv}  "
        f"TTFT p95 {seconds_text(load.ttft_p95_seconds)}  {frame.service.verdict}"
    )
