"""File locks that the kernel gives back when their holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path


@contextmanager
def exclusive(path: Path, waiting: Callable[[], AbstractContextManager[None]] = nullcontext) -> Iterator[None]:
    """Holds an exclusive lock on `path`; while another process has it, waits inside of `waiting()`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = try_hold(path)
    if descriptor is None:
        with waiting():
            descriptor = _hold(path)
    try:
        yield
    finally:
        os.close(descriptor)


def try_hold(path: Path) -> int | None:
    """An open descriptor that holds the lock on `path`, or None when another process holds it.

    The lock lasts until the descriptor is closed or its process ends.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _hold(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def is_held(path: Path) -> bool:
    """Whether some process holds the lock on `path`."""
    if not path.exists():
        return False
    descriptor = try_hold(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False
