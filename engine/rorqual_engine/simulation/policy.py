"""What a scaling policy is told, and what it answers: the one Protocol of Rorqual, its rivals and users' own.

A policy is a plain class, made once for a run. It sees what a real one could: the replicas' figures as of the last
scrape, counters over past scrapes, and the facts of the service. It never sees the trace.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.simulation.history import History
from rorqual_engine.timing import StepTiming

Figures = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Facts:
    """What everybody knows of a service before it runs."""

    ttft_seconds: float
    """Objective."""
    itl_seconds: float
    """Objective: mean time per output token after the first."""
    startup_seconds: float
    """Mean time from asking for a replica until it is ready."""
    min_replicas: int
    max_replicas: int
    sequences: int
    """That a replica works on at once (max_num_seqs)."""
    kv_tokens: int
    """Of a replica's KV cache."""
    batched_tokens: int
    """Of one step (max_num_batched_tokens)."""
    timing: StepTiming
    gpus_per_replica: int = 1
    input_tokens: float = 1024.0
    """Mean that the service's owner expects; measured lengths are in the history."""
    output_tokens: float = 256.0


@dataclass(frozen=True, slots=True)
class Standing:
    """What Kubernetes tells of one replica."""

    restarts: int = 0
    died_at: float | None = None
    """Seconds of the run; the last time."""
    version: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """The service at one moment. Every array has one entry a ready replica with known figures."""

    now: float
    """Seconds since the beginning of the run."""
    asked: int
    """Replicas asked for now (spec.replicas): starting and ready, without those that drain."""
    starting_seconds: Figures
    """How long each starting replica has been starting; the oldest first."""
    draining: int
    running: Figures
    """Requests worked on."""
    waiting: Figures
    """Requests in the engine's queue."""
    kv_use: Figures
    """Share of the KV cache in use, 0..1."""
    waiting_tokens: Figures
    """Tokens of prompts that are not prefilled yet."""
    missing: int
    """Ready replicas whose figures are not known."""
    held: int
    """Requests at the gateway, for want of a ready replica."""
    history: History
    """Of the whole service, up to now."""
    numbers: tuple[int, ...] = ()
    """Of the ready replicas with known figures, in the arrays' order."""
    startup_seconds: Mapping[int, float] = field(default_factory=dict)
    """How long each ready replica took to start, by its number."""
    ready_at: Mapping[int, float] = field(default_factory=dict)
    """When each of them became ready, in seconds of the run."""
    starting_numbers: tuple[int, ...] = ()
    """In the order of `starting_seconds`."""
    standings: Mapping[int, Standing] = field(default_factory=dict)
    """By number."""

    @property
    def ready(self) -> int:
        """Replicas that serve, whether their figures are known or not."""
        return len(self.running) + self.missing

    @property
    def starting(self) -> int:
        return len(self.starting_seconds)

    @property
    def in_flight(self) -> float:
        """Requests in engines and at the gateway."""
        return float(self.running.sum() + self.waiting.sum()) + self.held


@dataclass(frozen=True, slots=True)
class Decision:
    """Replicas to have, and why in one line. The runner holds it within the bounds."""

    replicas: int
    why: str = ""


class Policy(Protocol):
    """One class behind this is a policy."""

    interval_seconds: float
    """Between two decisions."""

    def decide(self, view: View) -> Decision:
        """How many replicas to have from now on."""
        ...


PolicyFactory = Callable[[Facts], Policy]
"""Makes a fresh policy for a run; keyword settings are bound before (functools.partial)."""
