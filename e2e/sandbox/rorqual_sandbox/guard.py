"""A watcher that outlives the supervisor by a moment.

The kernel kills direct children with their parent, but not grandchildren (an engine's workers, what a shell
started). The guard holds the read end of a pipe whose write end only the supervisor has: when that closes,
for whatever reason, it kills every process that carries the sandbox's mark.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping

from rorqual_sandbox.process import INSTANCE_VARIABLE, sweep


def start_guard(instance: str, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Starts the guard; closing the returned process's stdin lets it sweep and end."""
    unmarked = {key: value for key, value in env.items() if key != INSTANCE_VARIABLE}
    return subprocess.Popen(
        [sys.executable, "-m", "rorqual_sandbox.guard", instance],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=unmarked,
    )


def main() -> None:
    """Waits for the end of standard input, then sweeps."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 1):
        pass
    sweep(INSTANCE_VARIABLE, sys.argv[1])


if __name__ == "__main__":
    main()
