"""Views and facts for tests of policies: only what a test is about is said."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from rorqual_engine.simulation.history import COUNTERS, GAUGES, History
from rorqual_engine.simulation.policy import Facts, View
from rorqual_engine.timing import StepTiming


def facts(**given: object) -> Facts:
    """A replica of 64 sequences and 100,000 tokens of KV cache that starts in 30 s; one to eight of them."""
    known = {
        "ttft_seconds": 2.0,
        "itl_seconds": 0.05,
        "startup_seconds": 30.0,
        "min_replicas": 1,
        "max_replicas": 8,
        "sequences": 64,
        "kv_tokens": 100_000,
        "batched_tokens": 8192,
        "timing": StepTiming(0.01, 0.0001, 1e-8, 4e-5, 1e-10),
    }
    return Facts(**{**known, **given})  # type: ignore[arg-type]


def history(rows: Iterable[Mapping[str, float]], ttft: Sequence[float] = (), itl: Sequence[float] = ()) -> History:
    """One scrape a row; figures that a row does not name are 0, and all latencies came by the last row."""
    made = History()
    for row in rows:
        made.add({**dict.fromkeys((*COUNTERS, *GAUGES), 0.0), **row}, np.array(ttft), np.array(itl))
    return made


def view(
    running: Sequence[float] = (),
    waiting: Sequence[float] | None = None,
    kv_use: Sequence[float] | None = None,
    *,
    now: float = 1000.0,
    asked: int | None = None,
    starting: Sequence[float] = (),
    waiting_tokens: Sequence[float] | None = None,
    missing: int = 0,
    held: int = 0,
    past: History | None = None,
    numbers: tuple[int, ...] = (),
) -> View:
    """One entry of `running` a ready replica; `asked` is by default what is ready or starting."""
    none = [0.0] * len(running)
    return View(
        now=now,
        asked=len(running) + missing + len(starting) if asked is None else asked,
        starting_seconds=np.array(starting, dtype=float),
        draining=0,
        running=np.array(running, dtype=float),
        waiting=np.array(none if waiting is None else waiting, dtype=float),
        kv_use=np.array(none if kv_use is None else kv_use, dtype=float),
        waiting_tokens=np.array(none if waiting_tokens is None else waiting_tokens, dtype=float),
        missing=missing,
        held=held,
        history=history([]) if past is None else past,
        numbers=numbers,
        startup_seconds=dict.fromkeys(numbers, 30.0),
        ready_at=dict.fromkeys(numbers, 0.0),
    )
