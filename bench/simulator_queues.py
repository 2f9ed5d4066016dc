"""The simulator as a queue whose mean wait is known in closed form.

One replica whose steps all take `STEP_SECONDS`, whatever is in them, and whose requests have a prompt of one token: an
answer of n tokens takes n steps. With one place (max_num_seqs 1) it is M/G/1, exactly: a request that finds the replica
at rest begins at once, any other when the one before it ends. With c places it is M/M/c but for one thing: a request
that finds a free place beside others begins with their next step, up to a step later. Several replicas are no M/M/c:
each has a queue of its own, and a request stays where it was sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.simulation.fleet import Fleet, Startup
from rorqual_engine.simulation.pool import Pool
from rorqual_engine.simulation.requests import requests_of
from rorqual_engine.simulation.state import Engine

STEP_SECONDS = 0.001
MEAN_TOKENS = 1000
"""Of an answer: one second of service."""
BATCHES = 20
STUDENT_99 = 2.861
"""Two-sided 99 % quantile of Student's t with BATCHES - 1 degrees of freedom."""
WARM = 0.1
"""Of the requests: left out at the beginning, which finds the station empty."""

Draw = Callable[[np.random.Generator, int], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Queue:
    """A station in Kendall's notation, how its answers are drawn, and its places."""

    name: str
    draw: Draw
    places: int
    load: float
    """Offered work over places, below 1."""

    @property
    def arrivals_per_second(self) -> float:
        return self.load * self.places / (MEAN_TOKENS * STEP_SECONDS)


@dataclass(frozen=True, slots=True)
class Wait:
    """Mean seconds before service, of a run and of theory."""

    measured: float
    bound: float
    """Half the width of the 99 % confidence interval, by batch means, and a step where places share steps."""
    theory: float

    @property
    def agrees(self) -> bool:
        return abs(self.measured - self.theory) <= self.bound


def geometric(random: np.random.Generator, count: int) -> NDArray[np.int64]:
    """The exponential distribution of whole tokens."""
    return random.geometric(1 / MEAN_TOKENS, count)


def constant(_random: np.random.Generator, count: int) -> NDArray[np.int64]:
    return np.full(count, MEAN_TOKENS)


QUEUES = (
    Queue("M/M/1", geometric, 1, 0.5),
    Queue("M/M/1", geometric, 1, 0.8),
    Queue("M/M/4", geometric, 4, 0.8),
    Queue("M/M/16", geometric, 16, 0.9),
    Queue("M/D/1", constant, 1, 0.5),
    Queue("M/D/1", constant, 1, 0.8),
)


def wait(queue: Queue, requests: int, seed: int = 1) -> Wait:
    """Of a run of so many requests."""
    waits = waits_of(queue, requests, seed)[int(requests * WARM) :]
    means = np.array([batch.mean() for batch in np.array_split(waits, BATCHES)])
    bound = STUDENT_99 * means.std(ddof=1) / BATCHES**0.5
    sharing = STEP_SECONDS if queue.places > 1 else 0.0
    return Wait(float(waits.mean()), float(bound + sharing), theory(queue))


def waits_of(queue: Queue, requests: int, seed: int) -> NDArray[np.float64]:
    """Of each request: its first token comes a step after its service begins."""
    fleet = station(queue, requests, seed)
    fleet.advance(np.inf)
    waits: NDArray[np.float64] = fleet.state.first - fleet.state.arrival - STEP_SECONDS
    return waits


def station(queue: Queue, requests: int, seed: int) -> Fleet:
    """One replica before its first request."""
    random = np.random.default_rng(seed)
    arrivals = np.cumsum(random.exponential(1 / queue.arrivals_per_second, requests))
    served = requests_of(arrivals, np.ones(requests), queue.draw(random, requests))
    engine = Engine(queue.places, 10**9, 10**6, 16, STEP_SECONDS, 0.0, 0.0, 0.0, 0.0, least_load=True)
    made = Fleet(served, engine, Startup(0.0), Pool(), random, most=1)
    made.begin(1)
    return made


def theory(queue: Queue) -> float:
    """Pollaczek-Khinchine for one place, Erlang's C for more."""
    rate, mean = queue.arrivals_per_second, MEAN_TOKENS * STEP_SECONDS
    if queue.places == 1:
        return rate * _second_moment(queue.draw) / (2 * (1 - queue.load))
    return erlang_c(queue.places, rate * mean) * mean / (queue.places * (1 - queue.load))


def _second_moment(draw: Draw) -> float:
    """Of the seconds of service."""
    tokens = 2 * MEAN_TOKENS**2 - MEAN_TOKENS if draw is geometric else MEAN_TOKENS**2
    return tokens * STEP_SECONDS**2


def erlang_c(servers: int, offered: float) -> float:
    """The chance that an arrival has to wait."""
    last = offered**servers / factorial(servers) * servers / (servers - offered)
    return last / (sum(offered**k / factorial(k) for k in range(servers)) + last)
