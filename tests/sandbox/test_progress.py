"""Progress without a terminal: a line for each phase, nothing that redraws."""

from __future__ import annotations

import io

from rich.console import Console

from rorqual_sandbox.progress import Progress


def test_phases_are_lines() -> None:
    output = io.StringIO()
    with Progress("Building", Console(file=output)) as progress:
        with progress.phase("Compiling", 2) as phase:
            phase.advance("k8s.io/api")
        progress.note("done")
    assert output.getvalue() == "Building\nCompiling …\ndone\n"


def test_a_terminal_gets_a_bar_that_ends_full() -> None:
    output = io.StringIO()
    with (
        Progress("Building", Console(file=output, force_terminal=True, width=120)) as progress,
        progress.phase("Compiling", 7) as phase,
    ):
        phase.advance("k8s.io/api")
    assert "7/7" in output.getvalue()
