"""What a scrape reads of a fleet."""

import numpy as np
import pytest

from rorqual_engine.simulation import kernel
from rorqual_engine.simulation.history import History
from rorqual_engine.simulation.scrape import record, scrape

from .serving import engine, fleet, requests


def test_a_replicas_gauges():
    """One decodes since 1 s, one prefills 150 of 250 still, one waits for a place."""
    made = fleet(requests((0.0, 15, 50), (0.5, 250, 5), (1.5, 40, 5)), 1, engine(sequences=2))
    made.advance(2.5)
    seen = scrape(made, 2.5)
    assert (seen.running.tolist(), seen.waiting.tolist()) == ([2.0], [1.0])
    assert seen.waiting_tokens.tolist() == [250 - 99 + 40]
    assert seen.kv_use.tolist() == [(16 + 1 + 256) / 10_000]
    assert seen.prompt_tokens.tolist() == [15 + 99]
    assert seen.generated_tokens.tolist() == [2.0]


def test_a_run_of_decode_steps_is_seen_as_far_as_it_is():
    made = fleet(requests((0.0, 15, 500)))
    made.advance(100.5)
    seen = scrape(made, 100.5)
    assert seen.generated_tokens.tolist() == [100.0]
    assert seen.kv_use.tolist() == [(16 + 99) / 10_000]


def test_the_history_has_the_tokens_of_runs_under_way():
    made, past = fleet(requests((0.0, 15, 500), (0.0, 15, 500)), 2, engine(sequences=1)), History()
    for now in (10.5, 20.5):
        made.advance(now)
        record(past, made, scrape(made, now, frozenset({1})))
    assert past.column("generated_tokens").tolist() == [20.0, 40.0]
    assert past.window(10.0).rate("generated_tokens") == 2.0


def test_a_silent_replica_serves_without_figures():
    made = fleet(requests((0.0, 15, 500), (0.0, 15, 500)), 2)
    made.advance(5.0)
    seen = scrape(made, 5.0, frozenset({0}))
    assert (seen.numbers, seen.missing, seen.running.tolist()) == ((1,), 1, [1.0])


def test_draining_ones_are_not_scraped():
    made = fleet(requests((0.0, 15, 500), (0.0, 15, 500)), 2)
    made.advance(5.0)
    made.scale_to(1, 5.0)
    assert scrape(made, 5.0).numbers == (0,)


def test_without_replicas_there_is_the_gateways_queue():
    made, past = fleet(requests((0.0, 15, 5), (1.0, 15, 5)), 0), History()
    made.advance(5.0)
    seen = scrape(made, 5.0)
    record(past, made, seen)
    assert (seen.numbers, seen.held) == ((), 2)
    assert past.column("held").tolist() == [2.0]
    assert past.column("kv_use").tolist() == [0.0]


def test_a_row_of_the_history():
    made, past = fleet(requests((0.0, 10, 3), (2.0, 20, 9), (3.5, 30, 1)), 1), History()
    made.advance(5.5)
    record(past, made, scrape(made, 5.5))
    row = {name: past.column(name)[0] for name in ("arrived", "arrived_input_tokens", "answered", "finished")}
    assert row == {"arrived": 3, "arrived_input_tokens": 60, "answered": 3, "finished": 2}
    assert past.column("finished_input_tokens")[0] == 40
    assert past.column("finished_output_tokens")[0] == 4
    assert past.column("ready")[0] == past.column("asked")[0] == 1


def test_counters_of_the_service_do_not_go_back_when_a_replica_dies():
    made, past = fleet(requests((0.0, 15, 500)), 1), History()
    made.advance(50.5)
    record(past, made, scrape(made, 50.5))
    kernel.kill(made.state, made.engine, 0, 50.5)
    record(past, made, scrape(made, 50.5))
    assert np.diff(past.column("generated_tokens"))[0] == 0
    assert past.column("generated_tokens")[0] == pytest.approx(50)
