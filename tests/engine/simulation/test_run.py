"""One run: what policies are told and when, faults, and services that share a pool."""

from collections.abc import Mapping

import numpy as np
import pytest

from rorqual_engine.simulation.policy import Decision, View
from rorqual_engine.simulation.run import Fault, Outcome, Scenario, Separate, Service, simulate
from rorqual_engine.simulation.scrape import Scrape
from rorqual_engine.timing import StepTiming

from .seeing import facts
from .serving import requests

SECONDS = StepTiming(1.0)
"""One second a step, whatever is in it."""
QUIET = requests((0.0, 1, 1), duration=300.0)


class Wants:
    """A policy that keeps its views and answers by a table: from when on, how many."""

    def __init__(self, wanted: Mapping[float, int] | None = None, interval: float = 15.0) -> None:
        self.interval_seconds = interval
        self.views: list[View] = []
        self._wanted = wanted or {}

    def decide(self, view: View) -> Decision:
        self.views.append(view)
        past = [replicas for since, replicas in self._wanted.items() if since <= view.now]
        return Decision(past[-1] if past else view.asked, "as the table says")

    @property
    def times(self) -> list[float]:
        return [view.now for view in self.views]


def one(policy: Wants, service: Service, **scenario: object) -> Outcome:
    found = Scenario({"a": service}, **scenario)  # type: ignore[arg-type]
    return simulate(found, Separate({"a": policy}))["a"]


def a_service(served=QUIET, **given: object) -> Service:
    known = {"timing": SECONDS, "startup_seconds": 30.0, "max_replicas": 4}
    of_service = {key: given.pop(key) for key in list(given) if key in Service.__dataclass_fields__}
    return Service(facts(**{**known, **given}), served, **of_service)  # type: ignore[arg-type]


def test_a_policy_is_asked_at_its_interval():
    policy = Wants(interval=40.0)
    one(policy, a_service())
    assert policy.times == [40.0, 80.0, 120.0, 160.0, 200.0, 240.0, 280.0]


def test_a_view_has_the_figures_of_the_last_scrape():
    """Scrapes at 0, 10, 20; the answer of 12 tokens is done at 12."""
    policy = Wants(interval=13.0)
    one(policy, a_service(requests((0.0, 1, 12), duration=30.0)), scrape_seconds=10.0)
    seen, later = policy.views
    assert (seen.now, seen.running.tolist()) == (13.0, [1.0])
    assert (later.now, later.running.tolist()) == (26.0, [0.0])


def test_the_gateways_queue_is_that_of_the_last_scrape():
    policy = Wants(interval=13.0)
    one(policy, a_service(requests((5.0, 1, 1), (11.0, 1, 1), duration=14.0), initial_replicas=0), scrape_seconds=10.0)
    assert policy.views[0].held == 1


def test_a_replica_that_is_ready_since_the_scrape_has_no_figures_yet():
    policy = Wants({10.0: 2}, interval=11.0)
    one(policy, a_service(startup_seconds=10.0, min_replicas=0), scrape_seconds=20.0)
    later = policy.views[1]
    assert (later.now, later.ready, later.missing, later.starting) == (22.0, 2, 1, 0)


def test_replicas_of_a_view_add_up():
    policy = Wants({15.0: 4, 60.0: 1, 75.0: 3}, interval=7.0)
    one(policy, a_service(startup_variation=0.5), scrape_seconds=10.0)
    assert all(view.asked == view.ready + view.starting for view in policy.views)


def test_starting_ones_are_told_with_their_age():
    policy = Wants({15.0: 2, 30.0: 3})
    one(policy, a_service(startup_seconds=100.0))
    assert policy.views[2].starting_seconds.tolist() == [30.0, 15.0]


def test_decisions_are_kept_within_the_bounds():
    outcome = one(Wants({15.0: 9, 30.0: 0}), a_service(min_replicas=1, max_replicas=4))
    assert [(each.at, each.before, each.replicas) for each in outcome.decisions[:3]] == [
        (15.0, 1, 4),
        (30.0, 4, 1),
        (45.0, 1, 1),
    ]
    assert outcome.decisions[0].why == "as the table says"


def test_scaling_out_takes_the_start_up():
    outcome = one(Wants({15.0: 2}), a_service())
    at, ready = outcome.history.column("at"), outcome.history.column("ready")
    assert at[ready == 2][0] == 45.0
    assert outcome.fleet.gpu_seconds(300.0) == 300.0 + 285.0


def test_a_killed_replica_is_gone_until_it_started_again():
    outcome = one(Wants(), a_service(initial_replicas=2, faults=(Fault(100.0, 1, "kill"),)))
    at, ready = outcome.history.column("at"), outcome.history.column("ready")
    assert at[ready == 1].tolist() == [100.0, 105.0, 110.0, 115.0, 120.0, 125.0]


def test_a_slow_replica_is_slow_from_then_on_and_until_it_is_sound():
    faults = (Fault(80.0, 0, "slow", 1.0), Fault(10.5, 0, "slow", float("inf")))
    outcome = one(Wants(), a_service(requests((0.0, 1, 20), duration=300.0), faults=faults))
    assert outcome.fleet.state.last[0] == 80.0 + 10.0


def test_a_silent_replica_is_missing_until_it_is_heard():
    policy = Wants()
    faults = (Fault(20.0, 0, "silent"), Fault(50.0, 0, "heard"))
    one(policy, a_service(initial_replicas=2, faults=faults))
    assert [view.missing for view in policy.views[:4]] == [0, 1, 1, 0]
    assert {view.ready for view in policy.views} == {2}


@pytest.mark.parametrize(
    ("kind", "slowness", "said"), [("explode", 1.0, "expected one of kill, slow"), ("slow", 0.0, "expected above 0")]
)
def test_a_fault_that_nothing_can_suffer_is_refused(kind, slowness, said):
    with pytest.raises(ValueError, match=said):
        Fault(10.0, 0, kind, slowness)


def shared(gpus: int, wanted: Mapping[str, Mapping[float, int]], priorities: Mapping[str, int]) -> dict[str, Outcome]:
    services = {name: a_service(priority=priorities[name], max_replicas=8) for name in wanted}
    policies = Separate({name: Wants(table) for name, table in wanted.items()})
    return simulate(Scenario(services, gpus=gpus), policies)


def ready(outcome: Outcome) -> float:
    return float(outcome.history.column("ready")[-1])


def test_of_two_that_ask_at_one_moment_the_higher_priority_gets_the_gpus():
    both = shared(4, {"low": {15.0: 3}, "high": {15.0: 3}}, {"low": 0, "high": 1})
    assert (ready(both["low"]), ready(both["high"])) == (1.0, 3.0)
    assert both["low"].fleet.pending_seconds == 2 * 285.0


def test_gpus_that_one_lets_go_are_the_others_at_once():
    both = shared(4, {"a": {15.0: 3, 60.0: 1}, "b": {30.0: 3}}, {"a": 0, "b": 0})
    assert (ready(both["a"]), ready(both["b"])) == (1.0, 3.0)
    assert both["b"].fleet.pending_seconds == 2 * 30.0


def test_a_controller_decides_for_those_whose_turn_it_is():
    asked: list[set[str]] = []

    class Together:
        def interval_seconds(self, name: str) -> float:
            return {"a": 50.0, "b": 100.0}[name]

        def decide(self, views: Mapping[str, View], scrapes: Mapping[str, Scrape]) -> Mapping[str, Decision]:
            asked.append(set(views))
            assert set(scrapes) == set(views)
            return {"a": Decision(2)} if "a" in views else {}

    outcomes = simulate(Scenario({"a": a_service(), "b": a_service()}), Together())
    assert asked == [{"a"}, {"a", "b"}] * 3
    assert (ready(outcomes["a"]), ready(outcomes["b"])) == (2.0, 1.0)


def test_a_seed_makes_a_run():
    def last_ready(seed: int) -> float:
        outcome = one(Wants({15.0: 2}), a_service(startup_variation=0.5), seed=seed)
        return float(outcome.fleet.replicas[1].ready_at)

    assert last_ready(1) == last_ready(1) != last_ready(2)


def test_progress_is_told_now_and_then():
    told: list[float] = []
    services = {"a": a_service(requests((0.0, 1, 1), duration=2000.0))}
    simulate(Scenario(services), Separate({"a": Wants()}), told.append)
    assert told == [600.0, 1200.0, 1800.0]


def test_a_run_ends_where_its_longest_trace_does():
    short, long = requests((0.0, 1, 1), duration=50.0), requests((0.0, 1, 1), duration=200.0)
    policies = Separate({"short": Wants(), "long": Wants()})
    found = simulate(Scenario({"short": a_service(short), "long": a_service(long)}), policies)
    assert found["short"].history.column("at")[-1] == found["long"].history.column("at")[-1] == 200.0


def test_a_policy_without_an_interval_is_refused():
    with pytest.raises(ValueError, match="service 'a': its policy's interval_seconds is 0; expected above 0"):
        one(Wants(interval=0.0), a_service())


def test_a_scenario_that_never_ends_or_has_nothing_is_refused():
    with pytest.raises(ValueError, match="scrape_seconds is 0; expected above 0"):
        Scenario({"a": a_service()}, scrape_seconds=0.0)
    with pytest.raises(ValueError, match="at least one service"):
        Scenario({})


def test_requests_that_come_while_nothing_serves_wait():
    outcome = one(Wants({15.0: 1}), a_service(requests((2.0, 1, 1), duration=100.0), initial_replicas=0))
    np.testing.assert_array_equal(outcome.fleet.state.first, [46.0])
