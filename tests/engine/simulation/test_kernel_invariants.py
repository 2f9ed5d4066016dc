"""What holds of the kernel whatever happens: any requests, any small engine, replicas that die, slow down and drain."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rorqual_engine.simulation import kernel
from rorqual_engine.simulation.fleet import Fleet
from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.state import (
    ANSWERED,
    DRAINING,
    FINISHED,
    FINISHED_INPUT,
    FINISHED_OUTPUT,
    GENERATED,
    HELD,
    LATENCIES,
    NEXT_ARRIVAL,
    OFF,
    PREEMPTED,
    PREFILLED,
    REFUSED,
    SERVING,
    Engine,
)

from .serving import engine, fleet

REPLICAS = 3
SECONDS = 60.0


@dataclass(frozen=True)
class Event:
    """Something that happens to a replica at a time; it happens only to one that it can happen to."""

    at: float
    row: int
    kind: str


times = st.integers(0, int(SECONDS * 8)).map(lambda eighth: eighth / 8)
rows = st.tuples(times, st.integers(1, 200), st.integers(1, 60), st.integers(0, 200))
engines = st.builds(
    engine,
    sequences=st.integers(1, 6),
    kv_tokens=st.integers(60, 400),
    batched_tokens=st.integers(3, 128),
    step=st.sampled_from([0.125, 0.3]),
    sequence=st.sampled_from([0.0, 0.01]),
    context=st.sampled_from([0.0, 0.001]),
    prompt=st.sampled_from([0.0, 0.002]),
    attention=st.sampled_from([0.0, 1e-5]),
    least_load=st.booleans(),
)
paces = st.builds(Event, times, st.integers(0, REPLICAS - 1), st.sampled_from(["slow", "stuck", "sound"]))
events = st.builds(
    Event,
    times,
    st.integers(0, REPLICAS - 1),
    st.sampled_from(["slow", "stuck", "sound", "kill", "drain", "start"]),
)


def drawn(found: list[tuple[float, int, int, int]]) -> Requests:
    at, prompts, answers, cached = (np.array(column) for column in zip(*found, strict=True))
    return requests_of(at, prompts, answers, SECONDS, cached)


some = st.lists(rows, min_size=1, max_size=25).map(drawn)


def happen(made: Fleet, event: Event) -> None:
    state, status = made.state, made.state.status[event.row]
    if event.kind == "start" and status == OFF:
        kernel.start(state, made.engine, event.row, event.at)
    elif event.kind == "drain" and status == SERVING:
        kernel.drain(state, event.row, event.at)
    elif event.kind == "kill" and status != OFF:
        kernel.kill(state, made.engine, event.row, event.at)
    elif event.kind in PACES and status != OFF:
        kernel.pace(state, made.engine, event.row, PACES[event.kind], event.at)


PACES = {"slow": 2.5, "stuck": math.inf, "sound": 1.0}


def check(made: Fleet) -> None:
    """At any moment."""
    state, runs = made.state, made.engine
    assert (state.kv >= 0).all() and (state.kv <= runs.kv_tokens).all()
    assert (state.unfilled >= 0).all() and (state.context >= 0).all()
    assert (state.decoding + state.prefilling <= runs.sequences).all()
    inside = int((state.decoding + state.prefilling + state.waiting).sum())
    totals = state.totals
    assert totals[NEXT_ARRIVAL] == inside + totals[HELD] + totals[FINISHED] + totals[REFUSED]
    queued = state.decoding + state.prefilling + state.waiting
    assert not queued[state.status == OFF].any()


def run(requests: Requests, runs: Engine, happening: Iterable[Event], stops: Iterable[float] = ()) -> Fleet:
    """All events in their order; in the end every replica is sound and works off what is left."""
    made = fleet(requests, REPLICAS, runs)
    moments = [*happening, *(Event(at, 0, "look") for at in stops)]
    for event in sorted(moments, key=lambda event: (event.at, event.kind == "look")):
        made.advance(event.at)
        check(made)
        happen(made, event)
        check(made)
    made.advance(SECONDS)
    for row in range(REPLICAS):
        for kind in ("sound", "start"):
            happen(made, Event(SECONDS, row, kind))
    made.advance(math.inf)
    check(made)
    return made


@settings(max_examples=200, deadline=None)
@given(some, engines, st.lists(events, max_size=8))
def test_every_request_is_finished_or_refused_once(requests: Requests, runs: Engine, happening: list[Event]):
    state = run(requests, runs, happening, np.arange(0.0, SECONDS, 0.5)).state
    totals = state.totals
    assert totals[FINISHED] + totals[REFUSED] == len(requests)
    assert totals[ANSWERED] == totals[FINISHED]
    done = np.isfinite(state.last)
    assert np.count_nonzero(np.isinf(state.last)) == totals[REFUSED]
    assert (state.first[done] > state.arrival[done]).all() and (state.last >= state.first)[done].all()
    assert totals[LATENCIES] == np.count_nonzero(state.output[done] > 1)
    assert (totals[FINISHED_INPUT], totals[FINISHED_OUTPUT]) == (state.input[done].sum(), state.output[done].sum())


@settings(max_examples=200, deadline=None)
@given(some, engines, st.lists(events, max_size=8))
def test_nothing_is_left_behind(requests: Requests, runs: Engine, happening: list[Event]):
    state = run(requests, runs, happening).state
    for left in (state.kv, state.context, state.unfilled, state.decoding, state.prefilling, state.waiting):
        assert not left.any()
    assert not (state.status == DRAINING).any()
    assert np.isinf(state.ends).all()
    assert state.totals[HELD] == 0


@settings(max_examples=200, deadline=None)
@given(some, engines, st.lists(paces, max_size=5))
def test_tokens_are_conserved_while_nobody_dies(requests: Requests, runs: Engine, happening: list[Event]):
    state = run(requests, runs, happening).state
    done = np.isfinite(state.last)
    assert state.totals[GENERATED] == state.generated.sum() == state.output[done].sum()
    prompts = (state.input - state.cached)[done].sum()
    assert state.totals[PREFILLED] >= prompts
    if state.totals[PREEMPTED] == 0:
        assert state.totals[PREFILLED] == prompts


@settings(max_examples=150, deadline=None)
@given(some, engines, st.lists(events, max_size=6), st.lists(times, max_size=20))
def test_looking_changes_nothing(requests: Requests, runs: Engine, happening: list[Event], stops: list[float]):
    once, often = run(requests, runs, happening), run(requests, runs, happening, stops)
    for name, here, there in zip(once.state._fields, once.state, often.state, strict=True):
        np.testing.assert_array_equal(here, there, err_msg=name)


@settings(max_examples=100, deadline=None)
@given(some, engines, st.lists(paces, max_size=3), st.lists(times, min_size=2, max_size=10))
def test_what_was_generated_by_then_never_shrinks(
    requests: Requests, runs: Engine, happening: list[Event], stops: list[float]
):
    made, seen = fleet(requests, 1, runs), 0
    moments = [*(event for event in happening if event.row == 0), *(Event(at, 0, "look") for at in stops)]
    for event in sorted(moments, key=lambda event: event.at):
        made.advance(event.at)
        happen(made, event)
        done = kernel.decode_steps_done(made.state, made.engine, 0, event.at) * made.state.decoding[0]
        assert made.state.generated[0] + done >= seen
        seen = made.state.generated[0] + done
