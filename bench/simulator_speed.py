"""How many requests a second of wall time the simulator takes, on one core."""

import time
from collections.abc import Callable

import numpy as np
from simulator_queues import QUEUES, station

from rorqual_engine.simulation.fleet import Fleet, Startup
from rorqual_engine.simulation.pool import Pool
from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.state import Engine

RATE = 10.0
"""Requests a second and replica: some thirty run at once in each."""
REPEATS = 3


def engine(least_load: bool) -> Engine:
    """Steps of Llama 3.1 8B on an H100 with prompts of 1024 tokens, as rorqual_engine.sizing.step_law has them."""
    return Engine(256, 400_000, 8192, 16, 6.7e-3, 5.6e-5, 3.2e-8, 2.3e-5, 1.6e-9, least_load)


def traffic(replicas: int, requests: int) -> Requests:
    """Poisson arrivals; lognormal lengths with means near 1024 and 256 tokens."""
    random = np.random.default_rng(1)
    at = np.cumsum(random.exponential(1 / (RATE * replicas), requests))
    return requests_of(at, random.lognormal(6.6, 0.8, requests), random.lognormal(5.3, 0.7, requests))


def serving(replicas: int, least_load: bool, requests: int) -> Fleet:
    """A fleet before its first request."""
    made = Fleet(
        traffic(replicas, requests),
        engine(least_load),
        Startup(0.0),
        Pool(),
        np.random.default_rng(1),
        most=replicas,
    )
    made.begin(replicas)
    return made


def requests_per_second(make: Callable[[], Fleet]) -> float:
    """The best of some runs, compilation left out."""
    make().advance(1.0)
    return max(_once(make()) for _ in range(REPEATS))


def _once(made: Fleet) -> float:
    began = time.perf_counter()
    made.advance(np.inf)
    return len(made.requests) / (time.perf_counter() - began)


def speeds(requests: int) -> dict[str, float]:
    """By what is simulated."""
    found = {"M/M/1": requests_per_second(lambda: station(QUEUES[1], requests, 1))}
    for replicas in (1, 16, 64):
        for least_load, router in ((True, "least load"), (False, "in turn")):
            found[f"{replicas} replicas, {router}"] = requests_per_second(
                lambda count=replicas, by=least_load: serving(count, by, requests)  # type: ignore[misc]
            )
    return found
