"""Replicas that are slower than they ought to be."""

import math
from dataclasses import replace

import pytest

from rorqual_engine.detection.pace import Pace
from rorqual_engine.detection.persistence import settle
from rorqual_engine.detection.slow import LEAST_ROUNDS, find_slow, learn_pace, least_factor
from rorqual_engine.plan import Advice, Reason, Watch

from ..builders import a_pod, some_metrics

KNOWN = Watch(usual_pace=1.0, pace_rounds=LEAST_ROUNDS, usual_version="v1")


def running(*residuals, versions=None, waiting=0.0, filling=0.1):
    versions = versions or ["v1"] * len(residuals)
    return [
        Pace(a_pod(f"pod-{place}", version=version, metrics=some_metrics(5, waiting)), 0.01 * residual, 0.01, filling)
        for place, (residual, version) in enumerate(zip(residuals, versions, strict=True))
    ]


def slow(*args, watch=KNOWN, **more):
    return [(one.evidence.pod, one.advice) for one in find_slow(running(*args, **more), watch)]


def test_alike_is_not_slow():
    assert slow(1.0, 1.1, 0.9, 1.3) == []


def test_the_one_behind_its_siblings_is_named():
    assert slow(1.0, 2.0, 1.1) == [("pod-1", Advice.RESTART_POD)]


def test_all_may_be_off_the_law_alike():
    """A law that is off by three says nothing of who is slow."""
    assert slow(3.0, 3.1, 2.9, watch=Watch()) == []
    assert slow(3.0, 6.1, 2.9, watch=Watch()) == [("pod-1", Advice.RESTART_POD)]


def test_a_thousand_times_as_slow_is_another_unit():
    assert slow(1.0, 1000.0, 1.1) == []


def test_of_two_the_slower_one_is_named():
    assert slow(1.0, 1.5) == [("pod-1", Advice.RESTART_POD)]


def test_a_single_one_is_compared_with_its_past():
    assert slow(1.6) == [("pod-0", Advice.LOOK)]
    assert slow(1.3) == []


def test_before_the_past_is_known_nothing_is_said_of_it():
    assert slow(1.6, watch=replace(KNOWN, pace_rounds=LEAST_ROUNDS - 1)) == []


def test_before_the_past_is_known_others_that_are_alike_say_what_is_usual():
    young = replace(KNOWN, pace_rounds=0, usual_pace=None)
    (told,) = find_slow(running(2.1), young, 1.0)
    assert told.evidence.expected.endswith("by other services with this model and GPU at this load")
    assert told.advice is Advice.LOOK
    assert find_slow(running(1.9), young, 1.0) == []
    assert find_slow(running(2.1), replace(KNOWN, usual_pace=2.0), 1.0) == []


@pytest.mark.parametrize(("more", "told"), [({"waiting": 3.0}, 0), ({"filling": 0.6}, 0)])
def test_under_load_a_little_off_the_past_says_nothing(more, told):
    assert len(slow(1.6, 1.6, **more)) == told
    assert len(slow(2.1, 2.1, **more)) == 2


def test_all_of_a_new_version_slower_than_the_past_is_the_version():
    assert slow(1.6, 1.7, versions=["v2", "v2"]) == [("pod-0", Advice.ROLL_BACK), ("pod-1", Advice.ROLL_BACK)]


def test_while_both_serve_the_slower_version_is_compared_with_the_other():
    found = slow(1.0, 1.1, 1.8, 1.9, versions=["v1", "v1", "v2", "v2"])
    assert found == [("pod-2", Advice.ROLL_BACK), ("pod-3", Advice.ROLL_BACK)]


def test_the_slower_it_is_the_sooner_it_is_believed_and_the_surer():
    little, much = (find_slow(running(1.0, 1.0, factor), KNOWN)[0] for factor in (1.4, 2.8))
    assert little.reason is Reason.SLOW
    assert little.strength == pytest.approx(1.0) and much.strength > 3
    assert much.settle_seconds < little.settle_seconds


def test_what_is_usual_is_learned_in_quiet_rounds():
    watch = Watch()
    for _ in range(LEAST_ROUNDS):
        watch = learn_pace(watch, running(2.0, 2.0, 2.2), quiet=True)
    assert watch.usual_pace == pytest.approx(2.0)
    assert watch.pace_spread == pytest.approx(math.log(1.1) / 3)
    assert (watch.pace_rounds, watch.usual_version) == (LEAST_ROUNDS, "v1")
    assert learn_pace(watch, running(9.0), quiet=False) == watch
    assert learn_pace(watch, [], quiet=True) == watch


@pytest.mark.parametrize("quiet_rounds", [0, 1, 5, 12, 40])
def test_what_sets_in_while_little_is_known_does_not_raise_its_own_threshold(quiet_rounds):
    """One of three becomes four times as slow as its metrics' window fills with it, over ten rounds."""
    suffers = [running(1.0 + 0.3 * min(part, 10), 1.0, 1.0) for part in range(60)]
    watch = Watch()
    for at, found in enumerate([running(1.0, 1.0, 1.0)] * quiet_rounds + suffers):
        symptoms = find_slow(found, watch)
        suspicions = settle(symptoms, watch.suspicions, float(at))
        watch = replace(learn_pace(watch, found, not symptoms), suspicions=suspicions)
    assert [one.symptom.evidence.pod for one in suspicions if one.settled] == ["pod-0"]


def test_one_poisoned_round_hardly_moves_what_is_usual():
    watch = learn_pace(replace(KNOWN, pace_rounds=1000), running(50.0, 1.0, 1.0), quiet=True)
    assert watch.usual_pace is not None and watch.usual_pace < 1.05
    assert least_factor(watch) == 1.4


def test_where_siblings_usually_differ_more_counts():
    """By hand: two that differ by a fifth on average; five times that in logarithm is 2.5 times."""
    uneven = KNOWN
    for _ in range(1000):
        uneven = learn_pace(uneven, running(1.0, 1.2), quiet=True)
    assert least_factor(uneven) == pytest.approx(1.2**5, rel=0.01)
    assert slow(1.0, 2.0, watch=uneven) == []
    assert slow(1.0, 3.0, watch=uneven) == [("pod-1", Advice.RESTART_POD)]


def test_three_times_as_slow_counts_however_uneven_siblings_are():
    uneven = replace(KNOWN, pace_spread=0.5)
    assert least_factor(uneven) == 3.0
    assert slow(1.0, 2.9, watch=uneven) == []
    assert slow(1.0, 3.1, watch=uneven) == [("pod-1", Advice.RESTART_POD)]


def test_before_anything_is_known_twice_as_slow_counts():
    assert slow(1.0, 1.9, 1.0, watch=Watch()) == []
    assert slow(1.0, 2.1, 1.0, watch=Watch()) == [("pod-1", Advice.RESTART_POD)]


def test_on_a_gpu_that_others_share_it_takes_more():
    """Neighbours' load alone makes 2.2 of it."""
    assert find_slow(running(1.0, 2.2, 1.1), KNOWN, shared=True) == []
    assert find_slow(running(2.2), KNOWN, shared=True) == []
    assert [one.evidence.pod for one in find_slow(running(1.0, 2.8, 1.1), KNOWN, shared=True)] == ["pod-1"]
