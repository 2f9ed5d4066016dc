"""What a scrape of a fleet reads: replicas' gauges, and the service's counters."""

from dataclasses import dataclass

import numpy as np

from rorqual_engine.simulation import kernel
from rorqual_engine.simulation.fleet import Fleet
from rorqual_engine.simulation.history import History
from rorqual_engine.simulation.policy import Figures
from rorqual_engine.simulation.state import (
    ANSWERED,
    ARRIVED_INPUT,
    FINISHED,
    FINISHED_INPUT,
    FINISHED_OUTPUT,
    GENERATED,
    HELD,
    LATENCIES,
    NEXT_ARRIVAL,
    PREEMPTED,
    PREFILLED,
)

_COUNTERS = {
    "arrived": NEXT_ARRIVAL,
    "arrived_input_tokens": ARRIVED_INPUT,
    "answered": ANSWERED,
    "finished": FINISHED,
    "finished_input_tokens": FINISHED_INPUT,
    "finished_output_tokens": FINISHED_OUTPUT,
    "prompt_tokens": PREFILLED,
    "generated_tokens": GENERATED,
    "preempted": PREEMPTED,
}


@dataclass(frozen=True, slots=True)
class Scrape:
    """One moment; arrays have one entry a replica that answered, counters count since its start."""

    at: float
    numbers: tuple[int, ...]
    """Of the replicas."""
    running: Figures
    waiting: Figures
    kv_use: Figures
    waiting_tokens: Figures
    finished: Figures
    prompt_tokens: Figures
    generated_tokens: Figures
    preempted: Figures
    between_seconds: Figures
    """Between tokens, summed over all of them."""
    between_tokens: Figures
    missing: int = 0
    """Serving replicas that did not answer."""
    held: int = 0
    """Requests at the gateway."""


def scrape(fleet: Fleet, now: float, silent: frozenset[int] = frozenset()) -> Scrape:
    """The serving replicas' figures at `now`, up to which the fleet has been advanced; `silent` ones do not answer."""
    answering = [one for one in fleet.serving if one.number not in silent]
    rows = np.array([one.row for one in answering], dtype=np.intp)
    state, engine = fleet.state, fleet.engine
    newer = _tokens_under_way(fleet, now)[rows]
    return Scrape(
        at=now,
        numbers=tuple(one.number for one in answering),
        running=(state.decoding[rows] + state.prefilling[rows]).astype(np.float64),
        waiting=state.waiting[rows].astype(np.float64),
        kv_use=(state.kv[rows] + newer) / engine.kv_tokens,
        waiting_tokens=state.unfilled[rows].astype(np.float64),
        finished=state.finished[rows].astype(np.float64),
        prompt_tokens=state.prefilled[rows].astype(np.float64),
        generated_tokens=state.generated[rows] + newer,
        preempted=state.preempted[rows].astype(np.float64),
        between_seconds=state.between[rows].copy(),
        between_tokens=state.betweens[rows].astype(np.float64),
        missing=len(fleet.serving) - len(answering),
        held=int(state.totals[HELD]),
    )


def _tokens_under_way(fleet: Fleet, now: float) -> Figures:
    """Generated since the kernel last counted: one entry a row of its state."""
    rows = range(len(fleet.state.status))
    done = [kernel.decode_steps_done(fleet.state, fleet.engine, row, now) for row in rows]
    return np.array(done, dtype=np.float64) * fleet.state.decoding


def record(history: History, fleet: Fleet, seen: Scrape) -> None:
    """Adds the scrape to the service's history."""
    totals, state = fleet.state.totals, fleet.state
    row = {name: float(totals[place]) for name, place in _COUNTERS.items()}
    row["generated_tokens"] += float(_tokens_under_way(fleet, seen.at).sum())
    row |= {
        "at": seen.at,
        "running": float(seen.running.sum()),
        "waiting": float(seen.waiting.sum()),
        "held": float(seen.held),
        "kv_use": float(seen.kv_use.mean()) if len(seen.kv_use) else 0.0,
        "ready": float(len(seen.numbers) + seen.missing),
        "asked": float(fleet.asked),
    }
    history.add(row, state.ttft[: totals[ANSWERED]], state.itl[: totals[LATENCIES]])
