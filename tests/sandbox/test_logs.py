"""Logs are found by the names that people use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rorqual_sandbox import logs
from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.logs import Run, find_log


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "s")
    layout.create()
    layout.component_log("etcd").write_text("etcd\n")
    for age, (namespace, run) in enumerate([("a", 0), ("a", 1), ("b", 0)]):
        path = layout.pod_log_directory(namespace, "chat") / f"u-{run}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{namespace}{run}\n")
        os.utime(path, (age, age))
    return layout


def text(layout: Layout, target: str, namespace: str | None = None, run: Run = Run.CURRENT) -> str:
    return "".join(logs.read(find_log(layout, target, namespace, run)))


def test_components_and_pods(layout: Layout) -> None:
    assert text(layout, "etcd") == "etcd\n"
    assert text(layout, "chat", "a") == "a1\n"
    assert text(layout, "chat", "a", Run.PREVIOUS) == "a0\n"


@pytest.mark.parametrize(
    ("target", "namespace", "run", "message"),
    [
        ("chat", None, Run.CURRENT, "several namespaces"),
        ("nobody", None, Run.CURRENT, "neither a component"),
        ("chat", "b", Run.PREVIOUS, "no previous run"),
        ("kwok", None, Run.CURRENT, "no log of 'kwok'"),
    ],
)
def test_what_cannot_be_found_is_explained(
    layout: Layout, target: str, namespace: str | None, run: Run, message: str
) -> None:
    with pytest.raises(SandboxError, match=message):
        find_log(layout, target, namespace, run)


def test_following_goes_on_until_the_file_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\n")
    steps = iter([lambda: path.open("a").write("two\n"), path.unlink])
    assert list(logs.follow(path, wait=lambda: next(steps)())) == ["one\n", "two\n"]
