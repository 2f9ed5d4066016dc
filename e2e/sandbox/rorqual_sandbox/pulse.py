"""A sign of life at fixed intervals, for output that nobody redraws."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType


class Pulse:
    """Calls `beat` every `period_seconds` from a thread of its own, from entering the context until leaving it."""

    def __init__(self, beat: Callable[[], None], period_seconds: float) -> None:
        self._beat = beat
        self._period_seconds = period_seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._period_seconds):
            self._beat()
