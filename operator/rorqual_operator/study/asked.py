"""What a command line asks for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Asked:
    """Options of `rorqual simulate`."""

    service: Path | None
    trace: Path | None
    workload: str | None
    policy: str | None
    goal: float | None
    startup: float
    startup_variation: float
    start: Literal["cold", "warm"] | None
    seeds: int
    gpus: int | None
    jobs: int | None
    ray: str | None
