"""Fixtures for everything that runs against a cluster."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from rorqual_sandbox.handle import Sandbox
from rorqual_sandbox.options import Options

T = TypeVar("T")
Until = Callable[..., object]


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of this session's own, with quick restarts and quick models."""
    root: Path = tmp_path_factory.mktemp("sandbox")
    options = Options(scrape_interval_seconds=1, backoff_seconds=1, load_seconds=0.5)
    running = Sandbox.up(f"e2e-{os.getpid()}", root=root, options=options)
    yield running
    running.down()


@pytest.fixture
def namespace(sandbox: Sandbox) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"test-{secrets.token_hex(4)}"
    sandbox.kubectl("create", "namespace", name)
    yield name
    sandbox.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def until() -> Callable[[Callable[[], T], float], T]:
    """`until(probe)`: the first true value that `probe` returns; fails after a minute without one."""
    return _until


def _until(probe: Callable[[], T], deadline_seconds: float = 60) -> T:
    deadline = time.monotonic() + deadline_seconds
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {deadline_seconds} s; the last value was {value!r}"
        time.sleep(0.1)
