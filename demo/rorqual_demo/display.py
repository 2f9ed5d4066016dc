"""Shows the run: a live view on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

from typing import Protocol

from rich.console import Console
from rich.live import Live

from rorqual_demo.clock import Clock
from rorqual_demo.history import History
from rorqual_demo.scene import Scene
from rorqual_demo.view import WIDTH, line, render

_LIVE_SECONDS = 0.5
_LINE_SECONDS = 10.0


class Display(Protocol):
    """Shows a history as it grows."""

    async def run(self, scene: Scene, history: History, clock: Clock, /) -> None:
        """Shows until cancelled."""


class LiveDisplay:
    """Redraws the view twice a second; what it showed last stays on the terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def run(self, scene: Scene, history: History, clock: Clock) -> None:
        with Live(console=self._console, auto_refresh=False, vertical_overflow="crop") as live:
            while True:
                live.update(render(scene, history), refresh=True)
                await clock.sleep(_LIVE_SECONDS)


class LineDisplay:
    """Prints one line at a time."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def run(self, _scene: Scene, history: History, clock: Clock) -> None:
        while True:
            if history.last:
                self._console.print(line(history.last), highlight=False, soft_wrap=True)
            await clock.sleep(_LINE_SECONDS)


def choose_display(console: Console) -> Display:
    """The live view where it fits, else lines."""
    if console.is_terminal and console.width >= WIDTH:
        return LiveDisplay(console)
    return LineDisplay(console)
