"""Running Go, with a script in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from rorqual_sandbox.errors import BuildFailedError
from rorqual_sandbox.gotool import GoTool, build_environment


def tool(tmp_path: Path, text: str) -> GoTool:
    path = tmp_path / "go"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return GoTool(path, tmp_path)


def test_output_and_progress_are_kept_apart(tmp_path: Path) -> None:
    lines: list[str] = []
    go = tool(tmp_path, "echo out; echo downloading >&2; echo compiling >&2")
    assert go.run("list", on_line=lines.append) == "out\n"
    assert lines == ["downloading", "compiling"]


def test_it_runs_in_the_module_with_the_flags_fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    monkeypatch.setenv("GOPROXY", "https://mirror")
    go = tool(tmp_path, 'echo "$PWD $GOFLAGS $GOPROXY"')
    assert go.run("env") == f"{tmp_path} -mod=readonly https://mirror\n"


def test_a_failure_shows_the_end_of_the_progress(tmp_path: Path) -> None:
    go = tool(tmp_path, "seq 100 >&2; echo no space left >&2; exit 2")
    with pytest.raises(BuildFailedError, match=r"go build failed \(2\):\n82\n[\s\S]*\n100\nno space left$"):
        go.run("build")


def test_an_interruption_ends_go(tmp_path: Path) -> None:
    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    go = tool(tmp_path, f"trap 'touch {tmp_path}/ended; exit 1' TERM; echo up >&2; while :; do sleep 0.01; done")
    with pytest.raises(KeyboardInterrupt):
        go.run("build", on_line=interrupt)
    assert (tmp_path / "ended").exists()


def test_the_toolchain_is_never_exchanged() -> None:
    assert build_environment({"GOTOOLCHAIN": "go1.99", "HOME": "/h"}) == {
        "HOME": "/h",
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
