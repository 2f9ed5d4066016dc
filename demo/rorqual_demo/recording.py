"""The live view as an SVG, at the busiest moment of a run that was."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from rorqual_demo.errors import DemoError
from rorqual_demo.history import History
from rorqual_demo.scene import Scene
from rorqual_demo.view import WIDTH, render


def record(path: Path, scene: Scene, history: History) -> None:
    """Writes what the view showed when most requests came. Raises DemoError without frames."""
    peak = history.peak
    if peak is None:
        raise DemoError("no frames to record: the replay did not begin")
    shown = History()
    for frame in history.frames[: history.frames.index(peak) + 1]:
        shown.add(frame)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(render(scene, shown))
    console.save_svg(str(path), title="rorqual demo")
