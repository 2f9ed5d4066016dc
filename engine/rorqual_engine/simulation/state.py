"""The simulator's state as arrays: one row a replica, one entry a request. Only the kernel writes to them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.simulation.requests import NO_REQUESTS, Requests

OFF, SERVING, DRAINING = 0, 1, 2
"""Status of a row. A draining replica finishes what it has and takes nothing new."""
NOBODY = -1
(
    NEXT_ARRIVAL,
    TURN,
    HELD_HEAD,
    HELD_TAIL,
    HELD,
    ARRIVED_INPUT,
    ANSWERED,
    FINISHED,
    FINISHED_INPUT,
    FINISHED_OUTPUT,
    PREFILLED,
    GENERATED,
    PREEMPTED,
    LATENCIES,
    REFUSED,
) = range(15)
"""Places in `totals`: cursors, the gateway's queue, and counters of the whole service."""


class State(NamedTuple):
    """Arrays of R replicas with S places each, and of n requests."""

    # replicas
    status: NDArray[np.int8]
    slowness: NDArray[np.float64]
    """1 for a sound replica; 2 takes twice as long; infinite is stuck."""
    began: NDArray[np.float64]
    ends: NDArray[np.float64]
    """When the step or the run of decode steps under way ends; infinite at rest."""
    steps: NDArray[np.int64]
    """Decode steps under way; 0 where the step has prompts alone."""
    chunks: NDArray[np.int64]
    """Tokens of prompts in the step under way."""
    decoded: NDArray[np.int64]
    """Decode steps done since the start."""
    decoding: NDArray[np.int64]
    prefilling: NDArray[np.int64]
    waiting: NDArray[np.int64]
    head: NDArray[np.int64]
    tail: NDArray[np.int64]
    kv: NDArray[np.int64]
    """Tokens that the cache holds for requests, in whole blocks for prompts."""
    context: NDArray[np.int64]
    """Tokens that decoding sequences attend to."""
    unfilled: NDArray[np.int64]
    """Tokens of prompts not prefilled yet, queued ones included."""
    finished: NDArray[np.int64]
    prefilled: NDArray[np.int64]
    generated: NDArray[np.int64]
    preempted: NDArray[np.int64]
    between: NDArray[np.float64]
    """Seconds between tokens, summed over all tokens that decoding made: what vLLM's histogram sums up."""
    betweens: NDArray[np.int64]
    """Tokens that those are of."""
    idle_since: NDArray[np.float64]
    decode_request: NDArray[np.int32]
    decode_ends: NDArray[np.int64]
    """The count of decode steps at which that sequence is done."""
    prefill_request: NDArray[np.int32]
    prefill_left: NDArray[np.int64]
    prefill_chunk: NDArray[np.int64]
    # requests
    arrival: NDArray[np.float64]
    input: NDArray[np.int32]
    output: NDArray[np.int32]
    cached: NDArray[np.int32]
    first: NDArray[np.float64]
    """When the first token came; not a number before."""
    last: NDArray[np.float64]
    """When the request was done; infinite when it was refused."""
    made: NDArray[np.int32]
    """Tokens that it had before it was preempted."""
    following: NDArray[np.int32]
    """The next request in the queue that it stands in."""
    # logs, in the order of events
    ttft: NDArray[np.float64]
    ttft_row: NDArray[np.int32]
    itl: NDArray[np.float64]
    itl_row: NDArray[np.int32]
    totals: NDArray[np.int64]


class Engine(NamedTuple):
    """What every replica is alike in: limits, and the seconds of a step (see StepTiming)."""

    sequences: int
    kv_tokens: int
    batched_tokens: int
    block_tokens: int
    step: float
    sequence: float
    context: float
    prompt: float
    attention: float
    least_load: bool
    """The gateway picks the replica with the fewest requests; else they take turns."""


_REPLICA_FIELDS = State._fields.index("arrival")
"""So many of the state's first fields have one row a replica."""


def with_rows(state: State, rows: int) -> State:
    """The same service with room for more replicas; the arrays of requests are the same ones."""
    more = new_state(NO_REQUESTS, rows - len(state.status), state.decode_request.shape[1])
    longer = [np.concatenate((state[place], more[place])) for place in range(_REPLICA_FIELDS)]
    return State._make([*longer, *state[_REPLICA_FIELDS:]])


def new_state(requests: Requests, rows: int, places: int) -> State:
    """A service without replicas, before the first request."""
    count = len(requests)

    def whole(*shape: int) -> NDArray[np.int64]:
        return np.zeros(shape, dtype=np.int64)

    totals = whole(15)
    totals[[HELD_HEAD, HELD_TAIL]] = NOBODY
    return State(
        status=np.zeros(rows, dtype=np.int8),
        slowness=np.ones(rows),
        began=np.zeros(rows),
        ends=np.full(rows, np.inf),
        steps=whole(rows),
        chunks=whole(rows),
        decoded=whole(rows),
        decoding=whole(rows),
        prefilling=whole(rows),
        waiting=whole(rows),
        head=np.full(rows, NOBODY, dtype=np.int64),
        tail=np.full(rows, NOBODY, dtype=np.int64),
        kv=whole(rows),
        context=whole(rows),
        unfilled=whole(rows),
        finished=whole(rows),
        prefilled=whole(rows),
        generated=whole(rows),
        preempted=whole(rows),
        between=np.zeros(rows),
        betweens=whole(rows),
        idle_since=np.full(rows, np.nan),
        decode_request=np.zeros((rows, places), dtype=np.int32),
        decode_ends=whole(rows, places),
        prefill_request=np.zeros((rows, places), dtype=np.int32),
        prefill_left=whole(rows, places),
        prefill_chunk=whole(rows, places),
        arrival=requests.arrival_seconds,
        input=requests.input_tokens,
        output=requests.output_tokens,
        cached=requests.cached_tokens,
        first=np.full(count, np.nan),
        last=np.full(count, np.nan),
        made=np.zeros(count, dtype=np.int32),
        following=np.full(count, NOBODY, dtype=np.int32),
        ttft=np.zeros(count),
        ttft_row=np.zeros(count, dtype=np.int32),
        itl=np.zeros(count),
        itl_row=np.zeros(count, dtype=np.int32),
        totals=totals,
    )
