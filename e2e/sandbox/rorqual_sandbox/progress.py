"""Progress of a long preparation: a live bar on a terminal; elsewhere a line for each phase and every 20 seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from rorqual_sandbox.pulse import Pulse

_PULSE_SECONDS = 20.0  # a CI job that is silent for longer looks hung
_DETAIL_CHARACTERS = 60


@dataclass(frozen=True)
class Phase:
    """One step; `advance` counts one line of the tool's output."""

    advance: Callable[[str], None]


@dataclass
class _Count:
    """How far a phase is. Written by the builder's thread, read by the pulse's: one field at a time."""

    total: int | None
    done: int = 0
    detail: str = ""


class Progress:
    """Shows phases one after another on standard error."""

    OnLine: TypeAlias = Callable[[str], None]

    def __init__(
        self,
        title: str,
        console: Console | None = None,
        pulse_seconds: float = _PULSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title = title
        self._console = console or Console(stderr=True)
        self._pulse_seconds = pulse_seconds
        self._clock = clock
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
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def phase(self, title: str, total: int | None) -> Iterator[Phase]:
        """A step of `total` lines (None: unknown). It ends full: what Go has cached it does not print."""
        show = self._bar if self._console.is_terminal else self._lines
        with show(title, _Count(total)) as phase:
            yield phase

    @contextmanager
    def _bar(self, title: str, count: _Count) -> Iterator[Phase]:
        task = self._bars.add_task(title, total=count.total, detail="")
        yield Phase(lambda line: self._advance_bar(task, line))
        total = count.total or max(1, int(self._bars.tasks[task].completed))
        self._bars.update(task, total=total, completed=total, detail="")

    def _advance_bar(self, task: TaskID, line: str) -> None:
        self._bars.update(task, advance=1, detail=line[-_DETAIL_CHARACTERS:])

    @contextmanager
    def _lines(self, title: str, count: _Count) -> Iterator[Phase]:
        began = self._clock()
        self.note(f"{title} …")
        with Pulse(lambda: self.note(f"{title} … {_describe(count, self._clock() - began)}"), self._pulse_seconds):
            yield Phase(lambda line: _advance(count, line))
        self.note(f"{title}: done in {_duration(self._clock() - began)}")


@contextmanager
def waiting(why: str) -> Iterator[None]:
    """Shows that the command waits, and for what."""
    with Progress(why) as progress, progress.phase("Waiting for it", None):
        yield


def _advance(count: _Count, line: str) -> None:
    count.done += 1
    count.detail = line[-_DETAIL_CHARACTERS:]


def _describe(count: _Count, elapsed_seconds: float) -> str:
    """Such as `812/3120, 1 min 40 s, k8s.io/api/core/v1`; a phase that counts nothing has its duration alone."""
    done = f"{count.done}/{count.total}" if count.total else str(count.done or "")
    return ", ".join(part for part in (done, _duration(elapsed_seconds), count.detail) if part)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
