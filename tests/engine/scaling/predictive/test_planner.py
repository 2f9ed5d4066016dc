"""The number of replicas that costs least."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.scaling.predictive import (
    Case,
    Fleet,
    Forecast,
    Pace,
    Plan,
    engine_seconds,
    plan,
    price_of_a_miss,
    urgency,
)
from rorqual_engine.scaling.predictive.planner import (
    LEAST_URGENCY,
    MOST_URGENCY,
    USE_SECONDS,
    WORTH_REMOVING,
)

PACE = Pace(0.27, 0.00716, 0.00035, 48, 8263.0, 38.5, 2.0, 0.05)


def expected(*rates: float, following: tuple[float, ...] | None = None, stay: float = 1e9) -> Forecast:
    """One steady level a service; it may change to `following`."""
    levels = np.array(rates)
    after = np.repeat(levels[:, None], 5, axis=1) if following is None else np.array([following])
    nothing = np.zeros(len(rates))
    return Forecast(levels, nothing, nothing, after, np.full(len(rates), stay))


def planned(
    rate: float,
    ready: int = 1,
    starting: tuple[float, ...] = (),
    backlog: float = 0.0,
    goal: float = 0.95,
    most: int = 16,
) -> Plan:
    return plan([a_case(ready, starting, backlog, goal, most)], expected(rate))[0]


def a_case(
    ready: int = 1, starting: tuple[float, ...] = (), backlog: float = 0.0, goal: float = 0.95, most: int = 16
) -> Case:
    return Case(Fleet(ready, starting, 30.0, backlog), PACE, price_of_a_miss(goal, PACE), 1, most)


def test_a_miss_is_as_dear_as_the_good_requests_that_the_goal_wants_for_it() -> None:
    assert price_of_a_miss(0.95, PACE) == pytest.approx(19 * engine_seconds(PACE))


def test_no_load_leaves_the_fewest() -> None:
    assert planned(0.0, ready=5).replicas == 1


def test_a_steady_load_gets_what_it_needs_at_once() -> None:
    """5.6 requests a second are 1.6 replicas of work; 3 leave about 92 % good, 4 about 97 %."""
    found = planned(5.6)
    assert found.replicas in (3, 4, 5) and found.offered == pytest.approx(5.6 * engine_seconds(PACE))


def test_what_starts_is_not_asked_for_twice() -> None:
    wanted = planned(5.6).replicas
    assert planned(5.6, ready=1, starting=(5.0,) * (wanted - 1)).replicas == wanted


def test_a_greater_goal_never_takes_fewer() -> None:
    numbers = [planned(8.0, ready=3, goal=goal).replicas for goal in (0.5, 0.8, 0.9, 0.95, 0.98, 0.995)]
    assert numbers == sorted(numbers) and numbers[0] < numbers[-1]


def test_where_all_is_late_every_replica_still_counts() -> None:
    assert planned(100.0, most=6).replicas == 6


def test_a_load_that_may_come_back_keeps_replicas() -> None:
    gone = plan([a_case(4)], expected(0.5))[0].replicas
    waves = expected(0.5, following=(0.5, 0.5, 5.0, 10.0, 10.0), stay=60.0)
    assert plan([a_case(4)], waves)[0].replicas > gone


def test_many_services_get_what_each_would_get_alone() -> None:
    """Whatever the others need more rounds for."""
    rates = (0.0, 2.0, 5.6, 8.0, 40.0)
    cases = [a_case(ready, most=200, backlog=backlog) for ready, backlog in ((3, 0), (1, 5), (2, 0), (9, 60), (1, 0))]
    together = [found.replicas for found in plan(cases, expected(*rates))]
    alone = [plan([case], expected(rate))[0].replicas for case, rate in zip(cases, rates, strict=True)]
    assert together == alone and len(set(alone)) >= 4


def test_no_service_is_no_plan() -> None:
    assert plan([], expected()) == []


def test_many_replicas_are_found_without_looking_at_all_numbers() -> None:
    found = planned(400.0, ready=1, most=1000)
    assert 110 < found.replicas < 200 and len(found.numbers) < 60


def test_fewer_must_save_enough() -> None:
    """Between two numbers that cost nearly the same the fleet would swing with every scrape."""
    wanted = planned(5.6, ready=1).replicas
    costs = planned(5.6, ready=wanted + 1)
    saved = costs.cost[costs.numbers == wanted + 1][0] - costs.cost.min()
    assert saved > WORTH_REMOVING * USE_SECONDS and costs.replicas == wanted
    near = next(
        rate for rate in np.arange(5.6, 20, 0.1)
        if planned(rate, ready=wanted).replicas == wanted and planned(rate, ready=wanted + 1).replicas == wanted + 1
    )  # fmt: skip
    assert near > 5.6


def test_replicas_that_come_later_do_not_inherit_the_queue() -> None:
    """A queue of 30 s before one replica is over for newcomers when others are ready: good ones are expected then."""
    found = planned(4.0, ready=1, backlog=30.0)
    numbers = found.numbers.tolist()
    assert found.missed[numbers.index(4)] < 0.6 * found.missed[numbers.index(1)]


def test_urgency_is_one_while_nothing_is_seen_and_follows_the_misses() -> None:
    assert urgency(0.5, 0.95, 0.0) == pytest.approx(1.0)
    assert urgency(0.05, 0.95, 3600.0) == pytest.approx(1.0)
    assert urgency(0.0, 0.95, 3600.0) == LEAST_URGENCY
    assert 1.0 < urgency(0.1, 0.95, 3600.0) < urgency(0.2, 0.95, 3600.0) <= MOST_URGENCY


@given(
    st.floats(0, 40),
    st.integers(0, 8),
    st.lists(st.floats(0, 60), max_size=4),
    st.floats(0, 500),
    st.floats(0.5, 0.999),
)
def test_a_plan_is_within_bounds_and_counts_no_more_misses_than_requests(
    rate: float, ready: int, starting: list[float], backlog: float, goal: float
) -> None:
    found = planned(rate, ready, tuple(sorted(starting, reverse=True)), backlog, goal)
    assert 1 <= found.replicas <= 16
    most = found.arrivals + (backlog + found.arrivals * engine_seconds(PACE)) / engine_seconds(PACE)
    assert (found.missed >= -1e-9).all() and (found.missed <= most + 1e-6).all()
    assert (np.diff(found.missed) <= 0.02 * most + 1e-6).all()
    assert (np.diff(found.numbers) > 0).all()
