"""Fleets and requests for tests of the kernel and what stands on it: only what a test is about is said."""

from collections.abc import Sequence

import numpy as np

from rorqual_engine.simulation.fleet import Fleet, Startup
from rorqual_engine.simulation.pool import Pool
from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.state import Engine

CHUNK = 100
"""Tokens that `engine` takes in one step."""


def engine(**given: object) -> Engine:
    """1 s a step and nothing else; 100 tokens a step, 4 sequences, 10,000 tokens of KV cache."""
    known = {
        "sequences": 4,
        "kv_tokens": 10_000,
        "batched_tokens": CHUNK,
        "block_tokens": 16,
        "step": 1.0,
        "sequence": 0.0,
        "context": 0.0,
        "prompt": 0.0,
        "attention": 0.0,
        "least_load": True,
    }
    return Engine(**{**known, **given})  # type: ignore[arg-type]


def requests(
    *rows: tuple[float, int, int], cached: Sequence[int] | None = None, duration: float | None = None
) -> Requests:
    """Seconds of arrival, tokens in and out."""
    at, prompts, answers = (np.array(column) for column in zip(*rows, strict=True))
    return requests_of(at, prompts, answers, duration, None if cached is None else np.array(cached))


def fleet(
    served: Requests,
    replicas: int = 1,
    runs: Engine | None = None,
    *,
    startup: float = 30.0,
    variation: float = 0.0,
    pool: Pool | None = None,
    most: int = 4,
    gpus_per_replica: int = 1,
) -> Fleet:
    """So many replicas are ready at 0."""
    made = Fleet(
        served,
        engine() if runs is None else runs,
        Startup(startup, variation),
        Pool() if pool is None else pool,
        np.random.default_rng(1),
        most,
        gpus_per_replica,
    )
    made.begin(replicas)
    return made
