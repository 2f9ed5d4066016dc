"""Runs in which one known thing goes wrong."""

import numpy as np
import pytest

from rorqual_engine.plan import Advice, Reason, Scope, Verdict
from rorqual_engine.simulation.incidents import DURATION_SECONDS, INCIDENTS, REPLICAS, Incident, describe, incident
from rorqual_engine.simulation.operated import Operated
from rorqual_engine.simulation.run import Scenario, simulate

ALARMS = {Verdict.FAULT, Verdict.OVERLOAD, Verdict.MISCONFIGURED, Verdict.DRIFT}
SEED = 500
"""Neither of those that thresholds were chosen on, nor of those that the docs' figures are from."""


class Listening(Operated):
    """Keeps each tick's time and health."""

    def __init__(self, one: Incident) -> None:
        super().__init__({"chat": one.spec})
        self.told = []

    def decide(self, views, scrapes):
        decided = super().decide(views, scrapes)
        self.told.append((views["chat"].now, self.plans["chat"].health))
        return decided


def told(one: Incident):
    listening = Listening(one)
    simulate(Scenario({"chat": one.service}, seed=one.seed), listening)
    return listening.told


@pytest.mark.parametrize("name", INCIDENTS)
def test_each_is_drawn_from_its_seed_and_says_what_is_the_matter(name):
    one, again, other = incident(name, 1), incident(name, 1), incident(name, 2)
    assert np.array_equal(one.service.requests.arrival_seconds, again.service.requests.arrival_seconds)
    assert len(one.service.requests) != len(other.service.requests)
    truth = one.truth
    assert 0 <= truth.begin < truth.end <= DURATION_SECONDS
    assert truth.replicas <= set(range(REPLICAS))
    assert describe(name).endswith(".")


def test_one_that_is_none_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match="expected one of clean, overload"):
        incident("flood", 1)


def test_nothing_is_told_where_nothing_is_the_matter():
    assert not ALARMS & {health.verdict for _, health in told(incident("clean", SEED))}


@pytest.mark.parametrize(
    ("name", "reason", "advice"),
    [
        ("slow-gpu", Reason.SLOW, Advice.RESTART_POD),
        ("stuck-decode", Reason.NO_PROGRESS, Advice.RESTART_POD),
        ("memory-leak", Reason.KV_CACHE_LEAKING, Advice.RESTART_POD),
        ("network-loss", Reason.NOT_ANSWERING, Advice.RESTART_POD),
        ("crash-loop", Reason.RESTARTING, Advice.LOOK),
    ],
)
def test_a_replica_at_fault_is_named_and_nothing_before_it(name, reason, advice):
    one = incident(name, SEED)
    before = [health for at, health in told(one) if at < one.truth.begin - 60]
    inside = [health for at, health in told(one) if one.truth.begin + 90 <= at < one.truth.end]
    assert not ALARMS & {health.verdict for health in before}
    middle = inside[len(inside) // 2]
    assert (middle.verdict, middle.reason, middle.scope, middle.advice) == (Verdict.FAULT, reason, Scope.POD, advice)
    assert [int(name.rsplit("-", 1)[1]) for name in middle.where] == sorted(one.truth.replicas)


def test_a_fault_never_scales_and_overload_never_restarts():
    """The number of replicas is fixed in these runs, so what is looked at is what would help."""
    for name in ("slow-gpu", "stuck-decode"):
        assert Advice.SCALE not in {health.advice for _, health in told(incident(name, SEED))}
    told_of_overload = {health.advice for _, health in told(incident("flash-crowd", SEED))}
    assert told_of_overload == {Advice.NOTHING, Advice.SCALE}
