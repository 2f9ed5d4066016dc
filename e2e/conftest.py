"""Fixtures for everything that runs against a cluster."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from operating import OperatorProcess, Service, established

from rorqual_sandbox.handle import Sandbox
from rorqual_sandbox.options import Options

ROOT = Path(__file__).resolve().parent.parent

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


@pytest.fixture(scope="session")
def crd(sandbox: Sandbox) -> None:
    """The CRD of this checkout, served."""
    sandbox.kubectl("apply", "-f", str(ROOT / "crds"))
    _until(lambda: established(sandbox, "crd/llmservices.rorqual.io"))
    _until(lambda: sandbox.kubectl("get", "llm", "-A", check=False).returncode == 0)


@pytest.fixture
def run_operator(
    sandbox: Sandbox, crd: None, namespace: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., OperatorProcess]]:
    """Starts operators for the test's namespace; all are stopped at its end, and their logs shown if it failed."""
    started: list[OperatorProcess] = []

    def run(**options: str) -> OperatorProcess:
        operator = OperatorProcess(sandbox, namespace, tmp_path / f"operator-{len(started)}.log", **options)
        started.append(operator)
        return operator

    yield run
    for operator in started:
        operator.stop()
        request.node.add_report_section("call", operator.log.name, operator.text()[-8000:])


@pytest.fixture
def operator(run_operator: Callable[..., OperatorProcess]) -> OperatorProcess:
    """One operator for the test's namespace."""
    return run_operator()


@pytest.fixture
def chat(sandbox: Sandbox, namespace: str) -> Service:
    """A look at the LLMService `chat`, which the test applies."""
    return Service(sandbox, namespace)
