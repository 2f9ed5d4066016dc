"""The requests that every policy has to answer: a named workload, or a trace in a file."""

import gzip
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rorqual_engine.simulation.opening import OPENING_SECONDS
from rorqual_engine.simulation.requests import Requests
from rorqual_engine.simulation.traces.read import Reading, read_trace
from rorqual_engine.simulation.workloads.recorded import SERVEGEN_DRAW
from rorqual_engine.simulation.workloads.registry import POOLS, workload
from rorqual_engine.simulation.workloads.workload import Pool, Start
from rorqual_operator.study.errors import StudyError

RATES_DRAW = replace(SERVEGEN_DRAW, factor=1.0)
"""Lengths and gaps for files that hold rates alone: those of the workload servegen-day."""


Draw = tuple[Requests, ...]
"""Of each service, in the order of the load's."""
ALONE = ("service",)


@dataclass(frozen=True, slots=True)
class Load:
    """Requests by seed: of one service, or of several on one pool of GPUs."""

    name: str
    draw: Callable[[int], Draw]
    services: tuple[str, ...] = ALONE
    """The first has the highest priority."""
    gpus: int | None = None
    """Of the pool; None where it has as many as anybody asks for."""
    starts: tuple[Start, ...] = ("warm", "cold")
    opening_seconds: float = OPENING_SECONDS

    def draws(self, seeds: int) -> list[Draw]:
        """One a seed, from 0."""
        return [self.draw(seed) for seed in range(seeds)]


def named_load(name: str) -> Load:
    """The workload or pool of that name."""
    if name in POOLS:
        return _pool_load(POOLS[name])
    try:
        found = workload(name)
    except ValueError as error:
        raise StudyError(str(error)) from error
    return Load(name, lambda seed: (found.draw(seed),), starts=found.starts, opening_seconds=found.opening_seconds)


def _pool_load(pool: Pool) -> Load:
    return Load(
        pool.name,
        pool.draw,
        services=tuple(one.name for one in pool.services),
        gpus=pool.gpus,
        starts=pool.services[0].starts,
        opening_seconds=min(one.opening_seconds for one in pool.services),
    )


def trace_load(file: Path) -> Load:
    """The trace in the file, which may be packed (.gz)."""
    return Load(file.name, lambda seed: (_read(file, seed),))


def alike(draw: Draw, other: Draw) -> bool:
    """Whether two seeds drew the same, as they do of what was recorded."""
    return all(_alike(*pair) for pair in zip(draw, other, strict=True))


def _alike(requests: Requests, other: Requests) -> bool:
    columns = ("arrival_seconds", "input_tokens", "output_tokens")
    return all(np.array_equal(getattr(requests, name), getattr(other, name)) for name in columns)


def _read(file: Path, seed: int) -> Requests:
    try:
        found = _opened(file, lambda lines: read_trace(lines, Reading(draw=RATES_DRAW, seed=seed)))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise StudyError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except ValueError as error:
        raise StudyError(f"{file}: {error}") from error
    if len(found) == 0:
        raise StudyError(f"{file}: expected a request at least; found none")
    return found


def _opened(file: Path, read: Callable[[Iterable[str]], Requests]) -> Requests:
    if file.suffix == ".gz":
        with gzip.open(file, "rt", encoding="utf-8") as packed:
            return read(packed)
    with file.open(encoding="utf-8") as lines:
        return read(lines)
