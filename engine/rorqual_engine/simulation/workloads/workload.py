"""What a named workload is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rorqual_engine.simulation.arrivals import RateCurve, arrivals
from rorqual_engine.simulation.lengths import Lengths
from rorqual_engine.simulation.opening import OPENING_SECONDS
from rorqual_engine.simulation.requests import Requests, requests_of

Start = Literal["cold", "warm"]
"""A cold run begins with one replica, a warm one with those that the demand of the first minutes needs."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests of one service, drawn from a seed, and the setting that they are meant for."""

    name: str
    description: str
    source: str
    duration_seconds: float
    make: Callable[[np.random.Generator], Requests]
    max_replicas: int = 8
    starts: tuple[Start, ...] = ("cold", "warm")
    startup_seconds: tuple[float, ...] = (30.0,)
    """Times from asking for a replica until it is ready that it is run with."""
    opening_seconds: float = OPENING_SECONDS
    """Of its beginning, before anything changes: the demand that a warm start is sized for."""
    notes: str = ""

    def draw(self, seed: int) -> Requests:
        """The same requests for the same seed, on every machine with the same numpy."""
        return self.make(np.random.default_rng(seed))


@dataclass(frozen=True, slots=True)
class Pool:
    """Services that scale at the same time on the same GPUs."""

    name: str
    description: str
    services: tuple[Workload, ...]
    """The first has the highest priority."""
    gpus: int
    """All there are; one a replica."""

    @property
    def duration_seconds(self) -> float:
        return max(service.duration_seconds for service in self.services)

    def draw(self, seed: int) -> tuple[Requests, ...]:
        """Each service's requests, independent of each other's."""
        seeds = np.random.SeedSequence(seed).spawn(len(self.services))
        made = zip(self.services, seeds, strict=True)
        return tuple(service.make(np.random.default_rng(each)) for service, each in made)


def drawn(
    curve: RateCurve, input_tokens: Lengths, output_tokens: Lengths, generator: np.random.Generator, cv: float = 1.0
) -> Requests:
    """Requests at a rate that changes; Poisson arrivals unless `cv` says otherwise, in which case gamma ones."""
    at = arrivals(curve, generator, cv)
    prompts = input_tokens.draw(len(at), generator)
    answers = output_tokens.draw(len(at), generator)
    return requests_of(at, prompts, answers, curve.duration_seconds)
