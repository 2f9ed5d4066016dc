"""Continuous batching in simulated time, compiled.

Each replica works as vLLM's scheduler does (V1, chunked prefill): a step takes one token of every decoding sequence and
fills the rest of its budget with prompts in their order; a prompt is admitted while there is a place and room in the KV
cache for it; where the cache runs out, the sequence that came last gives its room back and starts anew at the head of
the queue, and nobody is admitted in that step. Steps without prompts, between which nothing can happen, are taken in
one go.

All functions change the state's arrays in place. `row` is a replica, `one` a request.
"""

import math

import numpy as np
from numba import njit

from rorqual_engine.simulation.state import (
    ANSWERED,
    ARRIVED_INPUT,
    DRAINING,
    FINISHED,
    FINISHED_INPUT,
    FINISHED_OUTPUT,
    GENERATED,
    HELD,
    HELD_HEAD,
    HELD_TAIL,
    LATENCIES,
    NEXT_ARRIVAL,
    NOBODY,
    OFF,
    PREEMPTED,
    PREFILLED,
    REFUSED,
    SERVING,
    TURN,
    Engine,
    State,
)

# state.py's constants and fields are compiled in, but numba's cache notices changes of this file alone. So a digest of
# state.py stands here, and a test tells when it has to be written anew: 0c6631aa6b93


@njit(cache=True)
def advance(state: State, engine: Engine, until: float) -> None:
    """All that happens up to and at `until`: arrivals, and ends of steps, in their order."""
    totals = state.totals
    while True:
        row = _next_to_end(state)
        ends = state.ends[row] if row >= 0 else math.inf
        one = totals[NEXT_ARRIVAL]
        arrives = state.arrival[one] if one < len(state.arrival) else math.inf
        if min(ends, arrives) > until or math.isinf(min(ends, arrives)):
            return
        if ends <= arrives:
            _end_step(state, engine, row)
        else:
            totals[NEXT_ARRIVAL] += 1
            totals[ARRIVED_INPUT] += state.input[one]
            _dispatch(state, engine, one, arrives)


@njit(cache=True)
def start(state: State, engine: Engine, row: int, now: float) -> None:
    """A replica becomes ready; what the gateway held is given to the replicas."""
    state.status[row] = SERVING
    state.slowness[row] = 1.0
    state.idle_since[row] = now
    state.decoded[row] = 0
    state.finished[row] = 0
    state.prefilled[row] = 0
    state.generated[row] = 0
    state.preempted[row] = 0
    state.between[row] = 0.0
    state.betweens[row] = 0
    _release_held(state, engine, now)


@njit(cache=True)
def drain(state: State, row: int, now: float) -> None:
    """A replica takes nothing new; it goes when it has nothing left."""
    state.status[row] = DRAINING
    if _in_flight(state, row) == 0:
        state.status[row] = OFF
        state.idle_since[row] = now


@njit(cache=True)
def kill(state: State, engine: Engine, row: int, now: float) -> None:
    """A replica is gone at once; its clients try again, from the beginning of their requests."""
    _count_steps_done(state, engine, row, now)
    state.status[row] = OFF
    state.ends[row] = math.inf
    state.idle_since[row] = now
    lost = np.empty(state.decoding[row] + state.prefilling[row] + state.waiting[row], dtype=np.int64)
    count = 0
    for place in range(state.decoding[row]):
        lost[count] = state.decode_request[row, place]
        count += 1
    for place in range(state.prefilling[row]):
        lost[count] = state.prefill_request[row, place]
        count += 1
    one = state.head[row]
    while one != NOBODY:
        lost[count] = one
        count += 1
        one = state.following[one]
    state.decoding[row] = state.prefilling[row] = state.waiting[row] = 0
    state.kv[row] = state.context[row] = state.unfilled[row] = state.steps[row] = state.chunks[row] = 0
    state.head[row] = state.tail[row] = NOBODY
    for one in np.sort(lost):
        state.made[one] = 0
        _dispatch(state, engine, one, now)


@njit(cache=True)
def pace(state: State, engine: Engine, row: int, slowness: float, now: float) -> None:
    """A replica becomes slower or faster: the step under way ends later or sooner in proportion.

    A stuck one's step under way begins anew when it moves again.
    """
    was_stuck = math.isinf(state.slowness[row])
    if math.isinf(slowness):
        _count_steps_done(state, engine, row, now)
        state.ends[row] = math.inf
    elif math.isfinite(state.ends[row]):
        state.ends[row] = now + (state.ends[row] - now) / state.slowness[row] * slowness
        state.began[row] = now - (now - state.began[row]) / state.slowness[row] * slowness
    state.slowness[row] = slowness
    if was_stuck and math.isfinite(slowness):
        _begin_step(state, engine, row, now)


@njit(cache=True)
def decode_steps_done(state: State, engine: Engine, row: int, now: float) -> int:
    """Of the run of decode steps under way, those that are over by `now`."""
    if state.steps[row] == 0 or state.chunks[row] > 0 or math.isinf(state.ends[row]):
        return 0
    done = _steps_by(state, engine, row, now)
    if _decode_seconds(state, engine, row, done) > now - state.began[row] + 1e-12:
        done -= 1
    return min(max(done, 0), state.steps[row])


@njit(cache=True)
def _count_steps_done(state: State, engine: Engine, row: int, now: float) -> None:
    """Of the step or steps under way: decode steps that are over count, the rest is dropped."""
    _count_decoded(state, row, decode_steps_done(state, engine, row, now))
    state.steps[row] = state.chunks[row] = 0


@njit(cache=True, forceinline=True)
def _next_to_end(state: State) -> int:
    best, soonest = -1, math.inf
    for row in range(len(state.ends)):
        if state.ends[row] < soonest:
            best, soonest = row, state.ends[row]
    return best


@njit(cache=True, forceinline=True)
def _in_flight(state: State, row: int) -> int:
    return state.decoding[row] + state.prefilling[row] + state.waiting[row]


@njit(cache=True, forceinline=True)
def _dispatch(state: State, engine: Engine, one: int, now: float) -> None:
    """A request goes to a replica, or waits at the gateway for one; one that can never fit is refused."""
    if state.input[one] + state.output[one] - state.cached[one] + engine.block_tokens > engine.kv_tokens:
        state.last[one] = math.inf
        state.totals[REFUSED] += 1
        return
    row = _choose_row(state, engine)
    if row == NOBODY:
        _hold(state, one)
    else:
        _enqueue(state, engine, row, one, now)


@njit(cache=True, forceinline=True)
def _hold(state: State, one: int) -> None:
    totals = state.totals
    state.following[one] = NOBODY
    if totals[HELD_HEAD] == NOBODY:
        totals[HELD_HEAD] = one
    else:
        state.following[totals[HELD_TAIL]] = one
    totals[HELD_TAIL] = one
    totals[HELD] += 1


@njit(cache=True, forceinline=True)
def _release_held(state: State, engine: Engine, now: float) -> None:
    totals = state.totals
    one = totals[HELD_HEAD]
    totals[HELD_HEAD] = totals[HELD_TAIL] = NOBODY
    totals[HELD] = 0
    while one != NOBODY:
        following = state.following[one]
        _enqueue(state, engine, _choose_row(state, engine), one, now)
        one = following


@njit(cache=True, forceinline=True)
def _choose_row(state: State, engine: Engine) -> int:
    """The next in turn, or the one with the fewest requests, the next in turn among equals."""
    rows = len(state.status)
    best, fewest = NOBODY, math.inf
    for offset in range(rows):
        row = (state.totals[TURN] + offset) % rows
        if state.status[row] != SERVING:
            continue
        if not engine.least_load:
            best = row
            break
        load = _in_flight(state, row)
        if load < fewest:
            best, fewest = row, load
    if best != NOBODY:
        state.totals[TURN] = (best + 1) % rows
    return best


@njit(cache=True, forceinline=True)
def _enqueue(state: State, engine: Engine, row: int, one: int, now: float) -> None:
    """At the end of a replica's queue; a run of decode steps under way makes way for it where it can be admitted."""
    state.following[one] = NOBODY
    if state.head[row] == NOBODY:
        state.head[row] = one
    else:
        state.following[state.tail[row]] = one
    state.tail[row] = one
    state.waiting[row] += 1
    state.unfilled[row] += _prompt(state, one)
    if math.isinf(state.slowness[row]):
        return
    if math.isinf(state.ends[row]):
        _begin_step(state, engine, row, now)
    elif state.steps[row] > 1 and _admissible(state, engine, row):
        steps = max(1, _steps_by(state, engine, row, now))
        if steps < state.steps[row]:
            state.steps[row] = steps
            state.ends[row] = max(now, state.began[row] + _decode_seconds(state, engine, row, steps))


@njit(cache=True, forceinline=True)
def _prompt(state: State, one: int) -> int:
    """Tokens to prefill: what no cache holds, and what was generated before a preemption."""
    return state.input[one] - state.cached[one] + state.made[one]


@njit(cache=True, forceinline=True)
def _room(state: State, engine: Engine, one: int) -> int:
    """Of the KV cache, in whole blocks."""
    return (_prompt(state, one) // engine.block_tokens + 1) * engine.block_tokens


@njit(cache=True, forceinline=True)
def _admissible(state: State, engine: Engine, row: int) -> bool:
    """Whether the head of the queue can start with the next step."""
    one = state.head[row]
    if one == NOBODY or state.decoding[row] + state.prefilling[row] >= engine.sequences:
        return False
    return state.kv[row] + state.decoding[row] + _room(state, engine, one) <= engine.kv_tokens


@njit(cache=True, forceinline=True)
def _decode_seconds(state: State, engine: Engine, row: int, steps: int) -> float:
    """Of a run of decode steps; every step adds one token to every context."""
    sequences = state.decoding[row]
    tokens = steps * state.context[row] + sequences * steps * (steps - 1) / 2.0
    seconds = steps * (engine.step + engine.sequence * sequences) + engine.context * tokens
    return seconds * state.slowness[row]


@njit(cache=True, forceinline=True)
def _steps_by(state: State, engine: Engine, row: int, now: float) -> int:
    """The fewest decode steps of the run under way that take until `now`, or longer."""
    elapsed = (now - state.began[row]) / state.slowness[row]
    if elapsed <= 0:
        return 0
    square = engine.context * state.decoding[row] / 2.0
    linear = engine.step + engine.sequence * state.decoding[row] + engine.context * state.context[row] - square
    root = 2.0 * elapsed / (linear + math.sqrt(linear * linear + 4.0 * square * elapsed))
    return math.ceil(root - 1e-9)


@njit(cache=True, forceinline=True)
def _end_step(state: State, engine: Engine, row: int) -> None:
    now = state.ends[row]
    if state.decoding[row] > 0 and state.steps[row] > 0:
        state.between[row] += (now - state.began[row]) * state.decoding[row]
        state.betweens[row] += state.steps[row] * state.decoding[row]
        _count_decoded(state, row, state.steps[row])
        _finish_decoded(state, engine, row, now)
    if state.chunks[row] > 0:
        _count_prefilled(state, row, now)
    _begin_step(state, engine, row, now)


@njit(cache=True, forceinline=True)
def _count_decoded(state: State, row: int, steps: int) -> None:
    tokens = steps * state.decoding[row]
    state.decoded[row] += steps
    state.kv[row] += tokens
    state.context[row] += tokens
    state.generated[row] += tokens
    state.totals[GENERATED] += tokens


@njit(cache=True, forceinline=True)
def _finish_decoded(state: State, engine: Engine, row: int, now: float) -> None:
    place = 0
    while place < state.decoding[row]:
        if state.decode_ends[row, place] > state.decoded[row]:
            place += 1
            continue
        one = state.decode_request[row, place]
        _leave_decoding(state, engine, row, place)
        _finish(state, row, one, now)


@njit(cache=True, forceinline=True)
def _leave_decoding(state: State, engine: Engine, row: int, place: int) -> None:
    """Gives the sequence's room back; the last one takes its place."""
    one = state.decode_request[row, place]
    entered = state.decode_ends[row, place] - (state.output[one] - 1 - state.made[one])
    made = state.decoded[row] - entered
    # what it had when it was admitted, and one token a step since
    state.kv[row] -= _room(state, engine, one) + made
    state.context[row] -= state.input[one] + state.made[one] + 1 + made
    state.decoding[row] -= 1
    last = state.decoding[row]
    state.decode_request[row, place] = state.decode_request[row, last]
    state.decode_ends[row, place] = state.decode_ends[row, last]


@njit(cache=True, forceinline=True)
def _finish(state: State, row: int, one: int, now: float) -> None:
    totals = state.totals
    state.last[one] = now
    state.finished[row] += 1
    totals[FINISHED] += 1
    totals[FINISHED_INPUT] += state.input[one]
    totals[FINISHED_OUTPUT] += state.output[one]
    if state.output[one] > 1:
        state.itl[totals[LATENCIES]] = (now - state.first[one]) / (state.output[one] - 1)
        state.itl_row[totals[LATENCIES]] = row
        totals[LATENCIES] += 1


@njit(cache=True, forceinline=True)
def _count_prefilled(state: State, row: int, now: float) -> None:
    """Chunks are done; a prompt that is whole gives its first token and decodes from the next step on."""
    state.prefilled[row] += state.chunks[row]
    state.totals[PREFILLED] += state.chunks[row]
    state.unfilled[row] -= state.chunks[row]
    kept = 0
    for place in range(state.prefilling[row]):
        one = state.prefill_request[row, place]
        left = state.prefill_left[row, place] - state.prefill_chunk[row, place]
        if left > 0:
            state.prefill_request[row, kept] = one
            state.prefill_left[row, kept] = left
            kept += 1
        else:
            _first_token(state, row, one, now)
    state.prefilling[row] = kept


@njit(cache=True, forceinline=True)
def _first_token(state: State, row: int, one: int, now: float) -> None:
    totals = state.totals
    if math.isnan(state.first[one]):
        state.first[one] = now
        state.ttft[totals[ANSWERED]] = now - state.arrival[one]
        state.ttft_row[totals[ANSWERED]] = row
        totals[ANSWERED] += 1
    state.generated[row] += 1
    totals[GENERATED] += 1
    place = state.decoding[row]
    state.decode_request[row, place] = one
    state.decode_ends[row, place] = state.decoded[row] + state.output[one] - 1 - state.made[one]
    state.decoding[row] += 1
    state.context[row] += state.input[one] + state.made[one] + 1


@njit(cache=True, forceinline=True)
def _begin_step(state: State, engine: Engine, row: int, now: float) -> None:
    """Fills the next step, or the next run of decode steps; rests when there is nothing to do."""
    _finish_decoded(state, engine, row, now)
    admitting = _make_room(state, engine, row) == 0
    seconds = _fill_chunks(state, engine, row, admitting)
    state.began[row] = now
    if state.decoding[row] + state.prefilling[row] == 0:
        _rest(state, row, now)
    elif state.chunks[row] > 0:
        state.steps[row] = 1 if state.decoding[row] > 0 else 0
        whole = seconds + engine.step + engine.sequence * state.decoding[row] + engine.context * state.context[row]
        state.ends[row] = now + whole * state.slowness[row]
    else:
        state.steps[row] = _longest_run(state, engine, row)
        state.ends[row] = now + _decode_seconds(state, engine, row, state.steps[row])


@njit(cache=True, forceinline=True)
def _rest(state: State, row: int, now: float) -> None:
    state.ends[row] = math.inf
    state.steps[row] = 0
    state.idle_since[row] = now
    if state.status[row] == DRAINING:
        state.status[row] = OFF


@njit(cache=True, forceinline=True)
def _longest_run(state: State, engine: Engine, row: int) -> int:
    """Decode steps until the first sequence is done, the cache is full or the queue may move on."""
    if _admissible(state, engine, row):
        return 1
    soonest = state.decode_ends[row, 0]
    for place in range(1, state.decoding[row]):
        soonest = min(soonest, state.decode_ends[row, place])
    room = (engine.kv_tokens - state.kv[row]) // state.decoding[row]
    return max(1, min(soonest - state.decoded[row], room))


@njit(cache=True, forceinline=True)
def _make_room(state: State, engine: Engine, row: int) -> int:
    """Preempts the newest sequences until every other one has room for one more token; how many that were.

    Prompts finish in the order of their admission, so those still prefilling are newer than all that decode. One
    sequence alone always stays: see what is refused.
    """
    count = 0
    while state.kv[row] + state.decoding[row] > engine.kv_tokens and state.decoding[row] + state.prefilling[row] > 1:
        if state.prefilling[row] > 0:
            _preempt_prompt(state, engine, row)
        else:
            _preempt_answer(state, engine, row)
        count += 1
    return count


@njit(cache=True, forceinline=True)
def _preempt_prompt(state: State, engine: Engine, row: int) -> None:
    """The newest of those that prefill."""
    place = state.prefilling[row] - 1
    one = state.prefill_request[row, place]
    state.prefilling[row] = place
    state.kv[row] -= _room(state, engine, one)
    state.unfilled[row] -= state.prefill_left[row, place]
    _requeue(state, row, one)


@njit(cache=True, forceinline=True)
def _preempt_answer(state: State, engine: Engine, row: int) -> None:
    """The newest of those that decode."""
    newest = 0
    for place in range(1, state.decoding[row]):
        if state.decode_request[row, place] > state.decode_request[row, newest]:
            newest = place
    one = state.decode_request[row, newest]
    left = state.decode_ends[row, newest] - state.decoded[row]
    _leave_decoding(state, engine, row, newest)
    state.made[one] = state.output[one] - left
    _requeue(state, row, one)


@njit(cache=True, forceinline=True)
def _requeue(state: State, row: int, one: int) -> None:
    """To the head of the queue."""
    state.following[one] = state.head[row]
    state.head[row] = one
    if state.tail[row] == NOBODY:
        state.tail[row] = one
    state.waiting[row] += 1
    state.unfilled[row] += _prompt(state, one)
    state.preempted[row] += 1
    state.totals[PREEMPTED] += 1


@njit(cache=True, forceinline=True)
def _fill_chunks(state: State, engine: Engine, row: int, admitting: bool) -> float:
    """Gives the budget that decoding leaves to prompts in their order, admitting from the queue; their seconds."""
    budget = engine.batched_tokens - state.decoding[row]
    state.chunks[row] = 0
    seconds = 0.0
    place = 0
    while budget > 0:
        if place == state.prefilling[row]:
            if not (admitting and _admissible(state, engine, row)):
                break
            _admit(state, engine, row)
        one = state.prefill_request[row, place]
        left = state.prefill_left[row, place]
        chunk = min(left, budget)
        seen = state.input[one] + state.made[one] - left
        seconds += engine.prompt * chunk + engine.attention * chunk * (seen + chunk / 2.0)
        state.prefill_chunk[row, place] = chunk
        state.chunks[row] += chunk
        budget -= chunk
        place += 1
    for later in range(place, state.prefilling[row]):
        state.prefill_chunk[row, later] = 0
    return seconds


@njit(cache=True, forceinline=True)
def _admit(state: State, engine: Engine, row: int) -> None:
    one = state.head[row]
    state.head[row] = state.following[one]
    if state.head[row] == NOBODY:
        state.tail[row] = NOBODY
    state.waiting[row] -= 1
    state.kv[row] += _room(state, engine, one)
    place = state.prefilling[row]
    state.prefill_request[row, place] = one
    state.prefill_left[row, place] = _prompt(state, one)
    state.prefilling[row] += 1
