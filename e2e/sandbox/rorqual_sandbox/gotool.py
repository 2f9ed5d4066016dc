"""Runs commands of Go in the sandbox's module."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rorqual_sandbox.errors import BuildFailedError
from rorqual_sandbox.process import die_with_parent

_TAIL_LINES = 20


def _ignore(_line: str) -> None:
    """For commands whose progress nobody follows."""


@dataclass(frozen=True)
class GoTool:
    """The executable `go` at `path`, run in `module`."""

    path: Path
    module: Path

    def run(self, *arguments: str, on_line: Callable[[str], None] = _ignore) -> str:
        """Hands each line of the command's progress (stderr) to `on_line` and gives its output back.

        Raises BuildFailedError with the end of its progress. Go ends with this process, however that ends.
        """
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                [str(self.path), *arguments],
                cwd=self.module,
                env=build_environment(os.environ),
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=die_with_parent(os.getpid()),
            )
            tail = _follow(process, on_line)
            if process.returncode:
                raise BuildFailedError(f"go {arguments[0]} failed ({process.returncode}):\n{tail}")
            output.seek(0)
            return output.read()


def _follow(process: subprocess.Popen[str], on_line: Callable[[str], None]) -> str:
    """Reads the progress to its end, which is the end of the process; the last lines of it."""
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    with process:
        try:
            for line in process.stderr or ():
                on_line(line.strip())
                tail.append(line)
        except BaseException:
            process.terminate()
            raise
    return "".join(tail).strip()


def build_environment(base: Mapping[str, str]) -> dict[str, str]:
    """`base` with what decides the result fixed; proxies, caches and the like stay the user's."""
    return {**base, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
