"""ServeGen's rates, and what is drawn at them."""

import numpy as np
import pytest

from rorqual_engine.simulation.lengths import Exponential, Lognormal
from rorqual_engine.simulation.traces import Skipped, TraceError
from rorqual_engine.simulation.traces.servegen import Draw, Rates, draw_at, read_rates

HEADER = "t_s,req_per_s\n"
LINES = [HEADER, "0,2.5\n", "600,10\n", "1200,0\n"]
DRAW = Draw(Lognormal(1000, 0.5), Exponential(200))


def drawn(draw: Draw = DRAW, seed: int = 3):
    return draw_at(read_rates(LINES), draw, np.random.default_rng(seed))


def test_rates_and_their_window():
    found = read_rates(LINES)
    assert (found.requests_per_second.tolist(), found.window_seconds) == ([2.5, 10.0, 0.0], 600.0)
    assert found.duration_seconds == 1800.0


def test_windows_between_two_times():
    found = read_rates(LINES).between(600, 1800)
    assert found.requests_per_second.tolist() == [10.0, 0.0]


def test_a_stretch_without_windows_is_refused():
    with pytest.raises(TraceError, match="expected a stretch within 0 and 1800 s; found 1800 to 2400"):
        read_rates(LINES).between(1800, 2400)


@pytest.mark.parametrize(("family", "cv"), [("gamma", 1.0), ("gamma", 2.0), ("weibull", 2.0)])
def test_each_window_has_its_rate(family, cv):
    """Within five standard deviations of a renewal process's count, cv * sqrt(n)."""
    found = drawn(Draw(Lognormal(1000, 0.5), Exponential(200), cv=cv, family=family))
    counts, _ = np.histogram(found.arrival_seconds, [0, 600, 1200, 1800])
    assert abs(counts[0] - 1500) < 5 * cv * 1500**0.5
    assert abs(counts[1] - 6000) < 5 * cv * 6000**0.5
    assert counts[2] == 0
    assert found.duration_seconds == 1800.0


def test_a_factor_is_on_every_rate():
    found = drawn(Draw(DRAW.input_tokens, DRAW.output_tokens, factor=0.1))
    assert abs(len(found) - 750) < 5 * 750**0.5


def test_the_seed_decides():
    assert np.array_equal(drawn(seed=1).arrival_seconds, drawn(seed=1).arrival_seconds)
    assert not np.array_equal(drawn(seed=1).input_tokens[:100], drawn(seed=2).input_tokens[:100])


@pytest.mark.parametrize("rows", [["0,1\n"], ["0,1\n", "600,1\n", "1300,1\n"], ["0,1\n", "0,1\n"]])
def test_windows_of_several_lengths_are_refused(rows: list[str]):
    with pytest.raises(TraceError, match="t_s: expected two windows or more, at one distance; found"):
        read_rates([HEADER, *rows])


def test_a_row_that_is_left_out_leaves_a_gap_which_is_refused():
    with pytest.raises(TraceError, match="at one distance"):
        read_rates([HEADER, "0,1\n", "600,1\n", "1200,x\n", "1800,1\n"], Skipped().add)


def test_a_bad_rate_is_refused_with_its_line():
    with pytest.raises(TraceError, match="line 3: expected req_per_s as a number of requests a second"):
        read_rates([HEADER, "0,1\n", "600,-1\n"])


def test_no_rates_draw_no_requests():
    assert len(draw_at(Rates(np.zeros(3), 600.0), DRAW, np.random.default_rng(0))) == 0
