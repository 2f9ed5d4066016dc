"""Rorqual's policy in the simulator."""

from dataclasses import astuple, replace

import numpy as np
import pytest
from tests.engine.simulation.seeing import facts, history, view

from rorqual_engine.simulation import rorqual
from rorqual_engine.simulation.policy import Facts
from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.rorqual import Rorqual
from rorqual_engine.simulation.run import Outcome, Scenario, Separate, Service, simulate
from rorqual_engine.simulation.score import score
from rorqual_engine.timing import StepTiming

TIMING = StepTiming(0.00716, 8.7e-5, 3.2e-8, 2.48e-5, 1.01e-9)
FACTS = facts(timing=TIMING, sequences=54, kv_tokens=451_456, input_tokens=8263.0, output_tokens=38.0)


def load(rate: float, seconds: float, seed: int = 1) -> Requests:
    random = np.random.default_rng(seed)
    count = int(rate * seconds)
    return requests_of(
        np.sort(random.uniform(0, seconds, count)),
        6000 * np.exp(random.normal(0, 0.8, count)),
        34 * np.exp(random.normal(0, 0.5, count)),
        seconds,
    )


def ran(known: Facts, requests: Requests, initial: int = 1, told: Facts | None = None, goal: float = 0.95) -> Outcome:
    """A run in which the policy is `told` facts that may differ from what the replicas are like."""
    scenario = Scenario({"it": Service(known, requests, initial)})
    return simulate(scenario, Separate({"it": Rorqual(told or known, goal=goal)}))["it"]


def busy(count: int = 30, rate: float = 5.0) -> dict[str, object]:
    rows = [{"at": 5.0 * i, "arrived": rate * 5 * i, "arrived_input_tokens": 8263 * rate * 5 * i} for i in range(count)]
    return {"past": history(rows), "now": rows[-1]["at"]}


def test_it_holds_while_no_replica_is_ready() -> None:
    assert Rorqual(FACTS).decide(view([], starting=[10.0, 5.0])).replicas == 2


def test_it_never_shrinks_while_a_replica_is_not_heard() -> None:
    quiet = {"past": history([{"at": 0.0}, {"at": 5.0}]), "now": 5.0}
    assert Rorqual(FACTS).decide(view([0.0, 0.0, 0.0], missing=1, **quiet)).replicas == 4  # type: ignore[arg-type]
    assert Rorqual(FACTS).decide(view([0.0] * 4, **quiet)).replicas == 1  # type: ignore[arg-type]


def test_it_shrinks_to_the_most_that_was_planned_within_a_start_up_time() -> None:
    policy = Rorqual(FACTS)
    wanted = policy.decide(view([3.0, 3.0, 3.0, 3.0, 3.0], **busy())).replicas  # type: ignore[arg-type]
    quiet = history([{"at": 0.0}, {"at": 160.0}])
    soon = policy.decide(view([0.0] * wanted, now=160.0, past=quiet)).replicas
    assert soon == wanted > 1
    assert policy.decide(view([0.0] * wanted, now=200.0, past=quiet)).replicas == 1


def test_it_says_why() -> None:
    why = Rorqual(FACTS).decide(view([3.0], **busy())).why  # type: ignore[arg-type]
    assert "replicas of work are expected" in why and "good" in why


def test_a_steady_load_is_served_by_a_steady_number() -> None:
    found = ran(FACTS, load(5.6, 900.0), initial=4)
    result = score(found)
    assert result.good_rate > 0.93
    assert result.gpu_hours < 900 / 3600 * 5
    assert result.reversals <= 6


def test_a_greater_goal_serves_better_for_more() -> None:
    requests = load(5.6, 600.0)
    low, high = (score(ran(FACTS, requests, initial=3, goal=goal)) for goal in (0.8, 0.98))
    assert low.good_rate < high.good_rate and low.gpu_hours < high.gpu_hours


def test_replicas_slower_than_the_law_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the correction the plan believes in half the replicas that are needed, and a queue stays."""
    truth = replace(FACTS, timing=StepTiming(*(2.0 * value for value in astuple(TIMING))))
    requests = load(3.0, 900.0)
    noticed = score(ran(truth, requests, told=FACTS)).good_rate
    monkeypatch.setattr(rorqual, "TRUSTED_SLOWNESS", (1.0, 1.0))
    assert noticed > score(ran(truth, requests, told=FACTS)).good_rate + 0.1


def test_the_same_run_twice_decides_the_same() -> None:
    requests = load(4.0, 120.0)
    assert ran(FACTS, requests).decisions == ran(FACTS, requests).decisions
