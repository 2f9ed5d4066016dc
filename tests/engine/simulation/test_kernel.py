"""Small cases of the kernel, worked out by hand: 1 s a step where nothing else is said."""

import hashlib
import inspect
import math

import numpy as np
import pytest

from rorqual_engine.simulation import kernel, state
from rorqual_engine.simulation.fleet import Fleet
from rorqual_engine.simulation.requests import Requests
from rorqual_engine.simulation.state import HELD, PREEMPTED, REFUSED, Engine

from .serving import engine, fleet, requests


def ran(served: Requests, runs: Engine | None = None, replicas: int = 1) -> Fleet:
    """After the last request."""
    made = fleet(served, replicas, runs)
    made.advance(math.inf)
    return made


def test_first_token_comes_after_the_prompts_step_and_the_others_one_a_step():
    state = ran(requests((5.0, 100, 3))).state
    assert state.first[0] == 6.0
    assert state.last[0] == 8.0
    assert state.itl[0] == 1.0


def test_every_term_of_a_step_counts():
    """Prefill: 1 + 60*0.01 + 0.001*60*30; decode with 61, then 62 tokens of context: 1 + 0.5 + 0.1*context."""
    runs = engine(prompt=0.01, attention=0.001, sequence=0.5, context=0.1)
    state = ran(requests((0.0, 60, 3)), runs).state
    assert state.first[0] == pytest.approx(1 + 0.6 + 1.8)
    assert state.last[0] == pytest.approx(state.first[0] + 1.5 + 6.1 + 1.5 + 6.2)


def test_a_long_prompt_takes_a_chunk_a_step():
    state = ran(requests((0.0, 250, 1)), engine(prompt=0.01, attention=0.001)).state
    chunks = [(100, 0), (100, 100), (50, 200)]
    assert state.first[0] == pytest.approx(sum(1 + 0.01 * p + 0.001 * p * (seen + p / 2) for p, seen in chunks))
    assert state.last[0] == state.first[0]


def test_a_cached_prefix_is_not_computed_but_attended_to():
    state = ran(requests((0.0, 80, 1), cached=[60]), engine(prompt=0.01, attention=0.001)).state
    assert state.first[0] == pytest.approx(1 + 0.2 + 0.001 * 20 * (60 + 10))
    assert state.prefilled[0] == 20


def test_prompts_share_a_step_and_answers_a_batch():
    """The second comes while the first's step runs; its step carries one decoding sequence too."""
    state = ran(requests((0.0, 10, 3), (0.5, 10, 3)), engine(sequence=0.25)).state
    assert state.first.tolist() == [1.0, 2.25]
    assert state.last.tolist() == [2.25 + 1.5, 2.25 + 1.5 + 1.25]


def test_decoding_leaves_less_of_the_budget_to_prompts():
    """One of 100 tokens is taken: a prompt of 100 needs two steps."""
    state = ran(requests((0.0, 10, 9), (0.5, 100, 1))).state
    assert state.first.tolist() == [1.0, 3.0]


def test_no_more_sequences_than_there_are_places():
    state = ran(requests(*[(0.0, 1, 5)] * 3), engine(sequences=1)).state
    assert state.first.tolist() == [1.0, 6.0, 11.0]
    assert state.last.tolist() == [5.0, 10.0, 15.0]


def test_an_arrival_cuts_a_run_of_decode_steps_at_the_end_of_a_step():
    """Step 11 of the first is under way at 10.5 s: the prompt is in step 12."""
    state = ran(requests((0.0, 1, 100), (10.5, 1, 1))).state
    assert state.first[1] == 12.0
    assert state.last[0] == 100.0


def test_an_arrival_at_the_end_of_a_step_is_in_the_next_one():
    state = ran(requests((0.0, 1, 100), (10.0, 1, 1))).state
    assert state.first[1] == 11.0


def test_a_cut_run_has_grown_the_contexts():
    """From step to step context grows; cut after two of them."""
    state = ran(requests((0.0, 9, 4), (3.5, 1, 1)), engine(context=0.1)).state
    first = 1.0
    steps = [1 + 0.1 * 10, 1 + 0.1 * 11, 1 + 0.1 * 12]
    assert state.first[1] == pytest.approx(first + sum(steps))
    assert state.last[0] == pytest.approx(first + sum(steps))


def test_a_prompt_waits_for_room_in_the_cache():
    """32 tokens each of 40 + the answers: the second is admitted when the first is done."""
    state = ran(requests((0.0, 31, 5), (0.0, 31, 5)), engine(kv_tokens=60)).state
    assert state.first.tolist() == [1.0, 6.0]
    assert state.totals[PREEMPTED] == 0


def test_where_the_cache_runs_out_the_newest_starts_anew_from_what_it_had():
    """16 tokens each of 40, and both grow: 39 at 5 s, with 5 and 4 tokens of the answers.

    The second goes; its prompt of 15 + 4 has no room in whole blocks before the first is done.
    """
    state = ran(requests((0.0, 1, 20), (0.0, 15, 8)), engine(kv_tokens=40)).state
    assert state.totals[PREEMPTED] == 1
    assert state.first.tolist() == [1.0, 2.0]
    assert state.last.tolist() == [20.0, 20.0 + 1 + 3]
    assert state.prefilled[0] == 1 + 15 + 19


def test_nobody_is_admitted_in_a_step_that_preempts():
    """Full at 5 s; the second would fit in again at once, and does one step later."""
    made = fleet(requests((0.0, 1, 10), (0.0, 1, 10)), 1, engine(kv_tokens=40))
    made.advance(5.5)
    assert (made.state.decoding[0], made.state.waiting[0]) == (1, 1)
    made.advance(6.5)
    assert (made.state.prefilling[0], made.state.waiting[0]) == (1, 0)


def test_a_prompt_under_way_gives_way_to_an_answer():
    """The answer needs 16 + 29; the prompt of 47 takes 48 of 64 until it must go, and is whole only after it."""
    state = ran(requests((0.0, 1, 30), (0.0, 47, 1)), engine(kv_tokens=66, batched_tokens=4)).state
    assert state.totals[PREEMPTED] == 1
    assert state.last[0] == 30.0
    assert state.first[1] == 30.0 + 12.0
    assert state.kv[0] == state.unfilled[0] == 0


def test_a_request_that_can_never_fit_is_refused():
    state = ran(requests((0.0, 90, 20), (0.0, 64, 20)), engine(kv_tokens=100)).state
    assert state.totals[REFUSED] == 1
    assert math.isnan(state.first[0]) and math.isinf(state.last[0])
    assert state.last[1] == 20.0


def test_requests_go_to_the_replica_with_the_fewest():
    """The third finds one replica at rest and the other with a long request."""
    rows = [(0.0, 1, 100), (0.0, 1, 2), (5.0, 1, 1), (6.5, 1, 1)]
    by_load = ran(requests(*rows), engine(sequences=1), replicas=2).state
    assert by_load.first.tolist() == [1.0, 1.0, 6.0, 7.5]
    in_turn = ran(requests(*rows), engine(sequences=1, least_load=False), replicas=2).state
    assert in_turn.first.tolist() == [1.0, 1.0, 101.0, 7.5]


def test_requests_wait_at_the_gateway_for_a_replica():
    made = fleet(requests((0.0, 1, 1), (1.0, 1, 1)), replicas=0)
    made.advance(7.0)
    assert made.state.totals[HELD] == 2
    kernel.start(made.state, made.engine, 0, 7.0)
    assert made.state.totals[HELD] == 0
    made.advance(math.inf)
    assert made.state.first.tolist() == [8.0, 9.0]
    assert made.state.ttft[:2].tolist() == [8.0, 8.0]


def test_a_draining_replica_finishes_what_it_has_and_takes_nothing_new():
    made = fleet(requests((0.0, 1, 10), (0.0, 1, 10), (5.0, 1, 10)), 2, engine(sequences=1))
    made.advance(4.0)
    kernel.drain(made.state, 0, 4.0)
    made.advance(math.inf)
    assert made.state.last.tolist() == [10.0, 10.0, 20.0]
    assert made.state.idle_since[0] == 10.0


def test_clients_of_a_killed_replica_try_again_from_the_beginning():
    """The first token that the client has seen stays its first."""
    made = fleet(requests((0.0, 1, 10), (0.0, 1, 10)), 2, engine(sequences=1))
    made.advance(5.5)
    kernel.kill(made.state, made.engine, 0, 5.5)
    made.advance(math.inf)
    assert made.state.first[0] == 1.0
    assert made.state.last.tolist() == [20.0, 10.0]
    assert made.state.finished.tolist()[1] == 2
    assert made.state.generated[0] == 5


def test_those_who_wait_at_a_killed_replica_try_again_too():
    made = fleet(requests(*[(0.0, 150, 3)] * 4), 1, engine(sequences=2))
    made.advance(1.5)
    kernel.kill(made.state, made.engine, 0, 1.5)
    assert made.state.totals[HELD] == 4
    assert made.state.kv[0] == made.state.unfilled[0] == made.state.context[0] == 0
    kernel.start(made.state, made.engine, 0, 10.0)
    made.advance(math.inf)
    assert (made.state.first > 10.0).all()
    assert made.state.finished[0] == 4


@pytest.mark.parametrize(("slowness", "last"), [(3.0, 4.5 + 3 * 5.5), (0.5, 4.5 + 0.5 * 5.5)])
def test_a_slow_replica_takes_longer_from_then_on(slowness, last):
    made = fleet(requests((0.0, 1, 10)))
    made.advance(4.5)
    kernel.pace(made.state, made.engine, 0, slowness, 4.5)
    made.advance(math.inf)
    assert made.state.last[0] == pytest.approx(last)


def test_a_slow_replica_can_be_cut_too():
    """Steps end at 4, 5.5, 7.5, 9.5: the prompt is in the step that ends then."""
    made = fleet(requests((0.0, 1, 100), (6.0, 1, 1)))
    made.advance(4.5)
    kernel.pace(made.state, made.engine, 0, 2.0, 4.5)
    made.advance(math.inf)
    assert made.state.first[1] == pytest.approx(9.5)


def test_a_stuck_replica_keeps_what_it_made_and_repeats_the_step_under_way():
    made = fleet(requests((0.0, 1, 10), (6.0, 1, 1)))
    made.advance(4.5)
    kernel.pace(made.state, made.engine, 0, math.inf, 4.5)
    assert made.state.generated[0] == 4
    made.advance(50.0)
    assert math.isnan(made.state.first[1])
    kernel.pace(made.state, made.engine, 0, 1.0, 50.0)
    made.advance(math.inf)
    assert made.state.last[0] == 56.0
    assert made.state.first[1] == 51.0


def test_a_stuck_prompt_is_computed_again():
    made = fleet(requests((0.0, 150, 1)))
    made.advance(1.5)
    kernel.pace(made.state, made.engine, 0, math.inf, 1.5)
    kernel.pace(made.state, made.engine, 0, 1.0, 20.0)
    made.advance(math.inf)
    assert made.state.last[0] == 21.0
    assert made.state.prefilled[0] == 150


def test_steps_that_are_over_are_known_in_the_middle_of_a_run():
    made = fleet(requests((0.0, 9, 50)), 1, engine(context=0.1))
    made.advance(1.0)
    ends = 1.0 + np.cumsum(1 + 0.1 * (10 + np.arange(49)))
    for done, end in enumerate(ends[:-1], start=1):
        assert kernel.decode_steps_done(made.state, made.engine, 0, end + 1e-6) == done
        assert kernel.decode_steps_done(made.state, made.engine, 0, end - 1e-6) == done - 1


def test_the_compiled_kernel_is_of_this_state():
    """Else numba's cache would go on with constants and fields of before."""
    digest = hashlib.sha256(inspect.getsource(state).encode()).hexdigest()[:12]
    assert digest in inspect.getsource(kernel), f"write {digest} into the comment at the top of kernel.py"
