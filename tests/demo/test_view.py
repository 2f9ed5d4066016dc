from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from rich.console import Console

from rorqual_demo.display import LineDisplay, LiveDisplay, choose_display
from rorqual_demo.errors import DemoError
from rorqual_demo.frame import Decision
from rorqual_demo.history import History
from rorqual_demo.recording import record
from rorqual_demo.spark import Point, bar, bin_points, sparkline
from rorqual_demo.view import WIDTH, line, minutes, render, seconds_text

from .objects import DOWN, HELD, SCENE, UP, FakeClock, frame, story


def history_of(count: int) -> History:
    history = History()
    for one in story()[:count]:
        history.add(one)
    return history


def shown(history: History) -> str:
    console = Console(width=120, height=50, file=io.StringIO(), record=True)
    console.print(render(SCENE, history))
    return console.export_text()


def test_the_view_tells_load_replicas_queue_kv_and_ttft() -> None:
    text = shown(history_of(2))
    for expected in (
        "Rorqual · llm/chat · meta-llama/Llama-3.1-8B-Instruct",
        "0:30 / 2:10",
        "20.0 req/s · 12 open",
        "400 tok/s",
        "4 waiting · 8 running",
        "43% in use",
        "4 s · objective 1 s",
        "desired 3",
        "■ 1 ready",
        "▣ 2 starting",
        "verdict Overload",
        "Ready ✓",
    ):
        assert expected in text, expected


def test_decisions_are_told_with_reason_limit_and_figures_newest_first() -> None:
    text = shown(history_of(4))
    assert "1→3       DemandAboveCapacity (limited by ScaleUpPolicy) 17 requests in flight [8 fit]" in text
    assert text.index("3→2") < text.index("1→3") < text.index("Configure")


def test_a_hold_is_told_while_it_is_the_newest() -> None:
    history = history_of(1)
    history.add(frame(40, decisions=(HELD, UP)))
    assert "Hold      DemandAboveCapacity (limited by MaxReplicas) more is wanted" in shown(history)
    history.add(frame(120, decisions=(DOWN, HELD, UP)))
    assert "more is wanted" not in shown(history)


def test_the_view_fits_a_small_terminal() -> None:
    history = History()
    long = [Decision(f"{n}", "Scale", f"{n}", f"{n + 1}", "DemandAboveCapacity", "figures " * 60) for n in range(10)]
    history.add(frame(50, decisions=tuple(long)))
    lines = shown(history).splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= WIDTH


def test_the_view_before_the_first_frame() -> None:
    assert "waiting for the first figures" in shown(History())


def test_after_the_replay_the_view_says_so() -> None:
    assert "the load has ended" in shown(history_of(4))
    assert "replaying the Azure conversation trace" in shown(history_of(3))


def test_a_frame_as_a_line() -> None:
    assert line(frame(75, ttft=None, starting=2)) == (
        "1:15  load 10.0 req/s  replicas 1 ready +2 starting, 3 desired  waiting   4  KV 43%  TTFT p95 –  Overload"
    )


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (0.0421, "42 ms"), (1.0, "1 s"), (12.345, "12.3 s")])
def test_latencies_read_well(value: float | None, text: str) -> None:
    assert seconds_text(value) == text


def test_times_read_well() -> None:
    assert (minutes(0), minutes(59.9), minutes(61)) == ("0:00", "0:59", "1:01")


def test_points_are_binned_by_their_largest() -> None:
    points = [Point(0, 1.0), Point(4, 3.0), Point(5, None), Point(10, 2.0)]
    assert bin_points(points, 10, 5) == [1.0, None, 3.0, None, 2.0]


def test_a_sparkline_rises_to_its_top_and_reddens_above_its_limit() -> None:
    text = sparkline([None, 0.0, 0.5, 1.0, 9.0], 1.0, "green", limit=2.0)
    assert text.plain == " ▁▄██"
    assert [span.style for span in text.spans][-1] == "bold red"


def test_a_bar_is_as_full_as_its_share() -> None:
    assert (bar(0.25, 8, "x").plain, bar(7, 2, "x").plain) == ("██░░░░░░", "██")


def test_no_terminal_no_live_view() -> None:
    assert isinstance(choose_display(Console(file=io.StringIO())), LineDisplay)
    assert isinstance(choose_display(Console(file=io.StringIO(), force_terminal=True, width=60)), LineDisplay)
    assert isinstance(choose_display(Console(file=io.StringIO(), force_terminal=True, width=120)), LiveDisplay)


async def run_for_a_moment(display: LineDisplay | LiveDisplay, clock: FakeClock) -> None:
    running = asyncio.create_task(display.run(SCENE, history_of(3), clock))
    while len(clock.slept) < 3:  # noqa: ASYNC110 - the clock is the test's own
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_lines_come_every_ten_seconds() -> None:
    clock, output = FakeClock(), io.StringIO()
    await run_for_a_moment(LineDisplay(Console(file=output, width=40)), clock)
    assert clock.slept[:3] == [10, 10, 10]
    assert output.getvalue().splitlines()[0] == line(story()[2])


async def test_the_live_view_draws_and_leaves_the_terminal_usable() -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=120, height=50, color_system=None)
    await run_for_a_moment(LiveDisplay(console), FakeClock())
    assert "Rorqual · llm/chat" in output.getvalue()
    assert output.getvalue().rstrip("\n").endswith("\x1b[?25h")  # the cursor is shown again


def test_the_recording_shows_the_peak(tmp_path: Path) -> None:
    record(tmp_path / "view.svg", SCENE, history_of(4))
    text = (tmp_path / "view.svg").read_text().replace("&#160;", " ")
    assert text.startswith("<svg") and "0:30 / 2:10" in text


def test_nothing_to_record(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="no frames"):
        record(tmp_path / "view.svg", SCENE, History())
