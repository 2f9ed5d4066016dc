"""Progress: on a terminal a bar, elsewhere a line for each phase and a sign of life, nothing that redraws."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console

from rorqual_sandbox.progress import Progress

HOUR_SECONDS = 3600.0


class Ticker:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def make(output: io.StringIO, clock: Callable[[], float], pulse_seconds: float = HOUR_SECONDS) -> Progress:
    return Progress("Building", Console(file=output), pulse_seconds, clock)


def test_phases_are_lines() -> None:
    output, clock = io.StringIO(), Ticker()
    with make(output, clock) as progress:
        with progress.phase("Compiling", 2) as phase:
            phase.advance("k8s.io/api")
            clock.seconds = 75
        progress.note("done")
    assert output.getvalue() == "Building\nCompiling …\nCompiling: done in 1 min 15 s\ndone\n"


async def test_a_long_phase_gives_signs_of_life(until: Any) -> None:
    output, clock = io.StringIO(), Ticker()
    with make(output, clock, pulse_seconds=0.001) as progress, progress.phase("Compiling", 7) as phase:
        phase.advance("k8s.io/api")
        clock.seconds = 40
        await until(lambda: "Compiling … 1/7, 40 s, k8s.io/api\n" in output.getvalue())


async def test_a_phase_that_counts_nothing_tells_its_duration(until: Any) -> None:
    output, clock = io.StringIO(), Ticker()
    with make(output, clock, pulse_seconds=0.001) as progress, progress.phase("Installing", None):
        clock.seconds = 61
        await until(lambda: "Installing … 1 min 1 s\n" in output.getvalue())


def test_long_and_bracketed_lines_are_printed_as_they_are() -> None:
    output = io.StringIO()
    with make(output, Ticker()) as progress:
        progress.note(f"[bold]{'x' * 200}")
    assert f"[bold]{'x' * 200}\n" in output.getvalue()


def test_a_terminal_gets_a_bar_that_ends_full() -> None:
    output = io.StringIO()
    with (
        Progress("Building", Console(file=output, force_terminal=True, width=120)) as progress,
        progress.phase("Compiling", 7) as phase,
    ):
        phase.advance("k8s.io/api")
    assert "7/7" in output.getvalue()
