"""guidellm as a process on this machine."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from rorqual_operator.trial.reduction import reduce
from rorqual_operator.trial.sweep import Sweep, TrialError

GRACE_SECONDS = 240.0
"""For start, warming up and writing of reports, beside the loads themselves."""


def run_here(sweep: Sweep, command: str) -> list[dict[str, float]]:
    """Runs the sweep and returns its points. Raises TrialError when guidellm is not there, or fails."""
    found = shutil.which(command)
    if found is None:
        raise TrialError(f"{command} is not there: `pip install guidellm` into an environment of its own (6 GB)")
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.json"
        limit = GRACE_SECONDS + len(sweep.concurrencies) * (sweep.seconds + 30)
        try:
            done = subprocess.run(
                [found, *sweep.arguments(str(report))],
                capture_output=True, text=True, check=False, timeout=limit, env=_environment(),
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise TrialError(f"{command} did not end within {limit:.0f} s") from error
        if done.returncode or not report.exists():
            raise TrialError(f"{command} failed ({done.returncode}): {done.stderr.strip()[-1500:]}")
        return reduce(json.loads(report.read_text("utf-8")))


def _environment() -> dict[str, str]:
    """Straight to the replica: a pod's address is never behind a proxy."""
    return {**os.environ, "NO_PROXY": "*", "no_proxy": "*"}
