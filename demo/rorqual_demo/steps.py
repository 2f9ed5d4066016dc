"""Tells what happens before there is anything to watch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def step(console: Console, what: str) -> Iterator[None]:
    """A spinner while the block runs, then a line with the time that it took."""
    begin = time.monotonic()
    with console.status(f"{what} …"):
        yield
    console.print(f"[green]✓[/] {what} [dim]({time.monotonic() - begin:.1f} s)[/]", highlight=False)
