from __future__ import annotations

import struct
from pathlib import Path

import pytest

from rorqual_demo.errors import DemoError
from rorqual_demo.history import History
from rorqual_demo.ledger import Ledger
from rorqual_demo.outputs import Outputs
from rorqual_demo.picture import check_drawable, draw
from rorqual_demo.report import write_report
from rorqual_demo.request import Outcome
from rorqual_demo.session import Result
from rorqual_demo.summary import gpu_hours, share_in_time, static_gpu_hours, summarise

from .objects import HELD, SCENE, frame, story


def result() -> Result:
    history, ledger = History(), Ledger()
    for one in story():
        history.add(one)
    for outcome in (
        Outcome(1, 3, 0.5, 11, "a"),
        Outcome(20, 29, 4.0, 21, "a"),
        Outcome(61, 63, 0.9, 11, "b", retried=True),
        Outcome(62, 62, error="HTTP 500: oh"),
    ):
        ledger.note_outcome(outcome)
    return Result(history, ledger)


def test_the_summary_counts_what_happened() -> None:
    summary = summarise(SCENE, result().history, result().ledger)
    assert (summary.sent, summary.answered, summary.retried, summary.tokens) == (4, 3, 1, 43)
    assert summary.errors == {"HTTP 500": 1}
    assert (summary.replicas_least, summary.replicas_most) == (1, 3)
    assert summary.in_time == 0.5
    assert summary.ttft_p50_seconds == 0.9


def test_failed_requests_are_not_in_time() -> None:
    broken = Outcome(0, 1, 0.1, 1, "a", error="the stream broke")
    assert share_in_time([broken, Outcome(0, 1, 1.0, 5, "a")], 1.0) == 0.5
    assert share_in_time([], 1.0) == 0.0


def test_gpu_hours_are_integrated_over_the_frames() -> None:
    frames = [frame(0, ready=2), frame(1800, ready=2, starting=2), frame(3600, ready=1)]
    assert gpu_hours(frames) == pytest.approx(2 * 0.5 + 4 * 0.5)
    assert static_gpu_hours(frames, replicas=8) == pytest.approx(8.0)
    assert gpu_hours([]) == static_gpu_hours([], replicas=8) == 0.0


def test_minutes_are_those_in_which_requests_were_sent() -> None:
    first, second = summarise(SCENE, result().history, result().ledger).minutes
    assert (first.number, first.sent, first.in_time, first.replicas_ready) == (1, 2, 0.5, 1.0)
    assert (second.number, second.sent, second.in_time, second.replicas_ready) == (2, 2, 0.5, 3.0)


def test_the_report_says_it_in_words() -> None:
    text = write_report(SCENE, summarise(SCENE, result().history, result().ledger))
    for expected in (
        "| requests | 4 sent, 3 answered, 1 tried on a second pod |",
        "| errors | 1 × HTTP 500 |",
        "| within the objective (1 s to the first token) | 50.0% of the requests |",
        "| ready replicas | 1 to 3 |",
        "- 0:30 **1→3** DemandAboveCapacity, limited by ScaleUpPolicy: 17 requests in flight [8 fit]",
    ):
        assert expected in text, expected


def test_holds_are_counted_and_not_told() -> None:
    history = result().history
    history.add(frame(130, decisions=(HELD,)))
    text = write_report(SCENE, summarise(SCENE, history, Ledger()))
    assert "Decisions (1 to hold beside these)" in text and HELD.message not in text


def test_the_report_of_an_empty_run() -> None:
    text = write_report(SCENE, summarise(SCENE, History(), Ledger()))
    assert "| requests | 0 sent" in text and "- none" in text


def test_all_files_are_written(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path, tmp_path / "view.svg")
    text = outputs.write(SCENE, result())
    assert outputs.report.read_text() == text
    assert len(outputs.frames.read_text().splitlines()) == len(story())
    assert outputs.recording is not None and outputs.recording.stat().st_size > 1000


def test_the_picture_is_a_png_of_three_panels_height(tmp_path: Path) -> None:
    path = tmp_path / "demo.png"
    draw(path, SCENE, result().history)
    content = path.read_bytes()
    width, height = struct.unpack(">II", content[16:24])
    assert content.startswith(b"\x89PNG") and len(content) > 20_000
    assert width > 1000 and height > 800


def test_the_picture_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(DemoError, match=r"rorqual\[plot\]"):
        check_drawable()
    with pytest.raises(DemoError, match="no frames"):
        draw(tmp_path / "demo.png", SCENE, History())
