"""The detached supervisor: `python -m rorqual_sandbox.supervisor STATE_DIRECTORY LOCK_DESCRIPTOR`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.supervisor.entry import supervise

log = logging.getLogger("supervisor")


def main(arguments: list[str]) -> int:
    """Supervises until told to stop; the exit status."""
    root, lock = arguments
    try:
        supervise(Layout(Path(root)), int(lock), on_ready=lambda: None)
    except SandboxError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    sys.exit(main(sys.argv[1:]))
