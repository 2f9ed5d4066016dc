"""Progress of a long preparation: a live bar on a terminal, a line for each phase elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars


@dataclass(frozen=True)
class Phase:
    """One step; `advance` counts one line of the tool's output."""

    advance: Callable[[str], None]


class Progress:
    """Shows phases one after another on standard error."""

    OnLine: TypeAlias = Callable[[str], None]

    def __init__(self, title: str, console: Console | None = None) -> None:
        self._title = title
        self._console = console or Console(stderr=True)
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> Progress:
        self.note(self._title)
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def note(self, text: str) -> None:
        """Prints a line above the bars."""
        self._console.print(text, highlight=False)

    @contextmanager
    def phase(self, title: str, total: int | None) -> Iterator[Phase]:
        """A step of `total` lines (None: unknown). It ends full: what Go has cached it does not print."""
        if not self._console.is_terminal:
            self.note(f"{title} …")
        task = self._bars.add_task(title, total=total, detail="")
        yield Phase(lambda line: self._advance(task, line))
        count = total or max(1, int(self._bars.tasks[task].completed))
        self._bars.update(task, total=count, completed=count, detail="")

    def _advance(self, task: TaskID, line: str) -> None:
        self._bars.update(task, advance=1, detail=line[-60:])
