"""The operator's own decide in the simulator."""

from dataclasses import astuple, replace

import numpy as np
import pytest
from tests.engine.simulation.seeing import history, view

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Stall
from rorqual_engine.scaling import experience
from rorqual_engine.simulation.facts import facts_of
from rorqual_engine.simulation.observed import EPOCH, TPOT_BOUNDS, TTFT_BOUNDS
from rorqual_engine.simulation.operated import Operated, OperatedAlone
from rorqual_engine.simulation.policy import Facts
from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.run import Fault, Outcome, Scenario, Separate, Service, simulate
from rorqual_engine.simulation.score import score
from rorqual_engine.timing import StepTiming

from ..builders import H100, a_spec


def spec(goal: float = 0.95, most: int = 8, objectives: bool = True) -> LLMServiceSpec:
    promised = {"objectives": {"ttft": {"p95": "2s"}, "tpot": {"p95": "50ms"}}} if objectives else {}
    return a_spec(
        gpus=(H100,),
        workload={"inputTokens": 8263, "outputTokens": 38},
        configuration={"maxConcurrentSequences": 54, "tensorParallel": 1},
        scaling={"maxReplicas": most, **({"goal": goal} if objectives else {})},
        **promised,
    )


def facts(of: LLMServiceSpec, startup: float = 30.0) -> Facts:
    found = facts_of(of, startup)
    assert not isinstance(found, Stall)
    return found


def load(rate: float, seconds: float, seed: int = 1) -> Requests:
    random = np.random.default_rng(seed)
    count = int(rate * seconds)
    return requests_of(
        np.sort(random.uniform(0, seconds, count)),
        6000 * np.exp(random.normal(0, 0.8, count)),
        34 * np.exp(random.normal(0, 0.5, count)),
        seconds,
    )


def ran(
    requests: Requests,
    initial: int = 1,
    of: LLMServiceSpec | None = None,
    truth: Facts | None = None,
    faults: tuple[Fault, ...] = (),
) -> tuple[Outcome, OperatedAlone]:
    """A run; `truth` is what the replicas are like where that is not what the law says."""
    of = of or spec()
    policy = OperatedAlone(of)
    service = Service(truth or facts(of), requests, initial, faults=faults)
    return simulate(Scenario({"it": service}), Separate({"it": policy}))["it"], policy


def test_a_steady_load_is_served_by_a_steady_number() -> None:
    result = score(ran(load(5.6, 900.0), initial=4)[0])
    assert result.good_rate > 0.93
    assert result.gpu_hours < 900 / 3600 * 6
    assert result.reversals <= 6


def test_a_greater_goal_serves_better_for_more() -> None:
    requests = load(5.6, 600.0)
    low, high = (score(ran(requests, 3, spec(goal))[0]) for goal in (0.8, 0.98))
    assert low.good_rate < high.good_rate and low.gpu_hours < high.gpu_hours


def test_replicas_slower_than_the_law_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the correction the plan believes in half the replicas that are needed."""
    known = facts(spec())
    truth = replace(known, timing=StepTiming(*(2.0 * value for value in astuple(known.timing))))
    noticed, policy = ran(load(3.0, 900.0), truth=truth)
    found = policy.plan.outlook
    assert found is not None and found.slowness > 1.5
    monkeypatch.setattr(experience, "TRUSTED_SLOWNESS", (1.0, 1.0))
    assert score(noticed).good_rate > score(ran(load(3.0, 900.0), truth=truth)[0]).good_rate


def test_the_start_up_that_was_seen_is_planned_with() -> None:
    outcome, policy = ran(load(5.6, 600.0), of=spec(most=4))
    assert outcome.fleet.next_number > 1
    assert policy.plan.outlook is not None and policy.plan.outlook.startup_seconds == pytest.approx(30.0)


def test_a_replica_is_ready_since_it_became_so() -> None:
    """Not since the round that sees it: three from the first second, one that died after 100 s and starts in 30."""
    _, policy = ran(load(5.6, 300.0), initial=3, of=spec(most=3), faults=(Fault(100.0, 1, "kill"),))
    pods = policy.seen.pods
    since = {pod.name: pod.ready_since - EPOCH for pod in pods if pod.ready_since is not None}
    assert since == {"service-0-0": 0.0, "service-0-1": pytest.approx(130.0), "service-0-2": 0.0}
    assert all(pod.created_at < pod.ready_since for pod in pods if pod.ready_since is not None)


def test_without_objectives_the_reactive_rule_scales() -> None:
    outcome, policy = ran(load(9.0, 600.0), of=spec(objectives=False))
    assert policy.plan.outlook is None and policy.plan.signals
    assert any("asks for" in made.why for made in outcome.decisions)


def test_a_silent_replica_takes_nothing_away() -> None:
    """Its figures are gone while load falls to a tenth: the fleet stays as it is until it is heard again."""
    calm = load(0.3, 600.0)
    silent, _ = ran(calm, initial=5, faults=(Fault(1.0, 2, "silent"),))
    assert silent.fleet.asked == 5
    assert ran(calm, initial=5)[0].fleet.asked < 5


def test_every_decision_says_why() -> None:
    outcome, _ = ran(load(5.6, 300.0))
    assert all(made.why for made in outcome.decisions)
    assert any("requests/s are expected" in made.why for made in outcome.decisions)


def test_the_same_run_twice_decides_the_same() -> None:
    requests = load(4.0, 120.0)
    assert ran(requests)[0].decisions == ran(requests)[0].decisions


def test_services_share_the_gpus_of_the_pool_by_priority() -> None:
    of = spec(most=8)
    services = {
        "first": Service(facts(of), load(12.0, 600.0), 1, priority=5),
        "second": Service(facts(of), load(12.0, 600.0, seed=2), 1),
    }
    ranked = of.model_copy(update={"priority": 5})
    controller = Operated({"first": ranked, "second": of}, gpus=6)
    found = simulate(Scenario(services, gpus=6), controller)
    assert found["first"].fleet.asked + found["second"].fleet.asked <= 6
    assert score(found["first"]).good_rate > score(found["second"]).good_rate
    assert controller.plans["second"].shortage is not None


def test_what_the_gateway_holds_is_not_seen() -> None:
    """Ten arrived, four of which wait before a replica is ready: the engines know of six."""
    policy = OperatedAlone(spec())
    rows = [{"at": 0.0}, {"at": 10.0, "arrived": 10.0, "held": 4.0}]
    policy.decide(view([1.0], now=0.0, past=history(rows[:1]), numbers=(0,)))
    policy.decide(view([1.0], now=10.0, past=history(rows), numbers=(0,)))
    outlook = policy.plan.outlook
    assert outlook is not None and outlook.arrivals_per_second == pytest.approx(0.6)


def test_buckets_are_those_of_the_engine() -> None:
    assert 2.5 in TTFT_BOUNDS and 0.05 in TPOT_BOUNDS
    assert list(TTFT_BOUNDS) == sorted(TTFT_BOUNDS) and list(TPOT_BOUNDS) == sorted(TPOT_BOUNDS)
