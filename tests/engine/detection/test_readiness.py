"""How steadily pods are ready."""

from dataclasses import replace

import pytest

from rorqual_engine.detection.readiness import KEPT_SECONDS, MOST_RETURNS, find_flapping, follow
from rorqual_engine.plan import Readiness, Reason

from ..builders import NOW, a_pod, a_starting_pod


def followed(*ready_since, gap=60.0, known=()):
    """One pod over rounds `gap` apart; None is a round in which it is not ready."""
    pod, now = a_pod("a"), NOW
    for since in ready_since:
        seen = (
            replace(pod, ready=False, ready_since=None, lost_at=now)
            if since is None
            else replace(pod, ready_since=NOW + since)
        )
        known, now = follow(known, [seen], now), now + gap
    return known


def test_a_steady_pod_is_ready_since_it_first_was():
    assert followed(-500, -500, -500) == (Readiness("a", NOW - 500, NOW - 500),)


def test_what_comes_back_is_counted_and_its_beginning_kept():
    assert followed(-500, None, 90) == (Readiness("a", NOW - 500, NOW + 90, (NOW + 90,)),)


def test_a_return_between_two_rounds_is_seen():
    assert followed(-500, 10, 70)[0].returns == (NOW + 10, NOW + 70)


def test_returns_are_forgotten():
    (one,) = followed(-500, 10, 10, gap=KEPT_SECONDS)
    assert one.returns == ()


def test_an_engine_that_ended_begins_anew():
    (before,) = followed(-500)
    pod = a_pod("a", ready_since=NOW + 50, restarts=1, last_restart_at=NOW + 10)
    assert follow((before,), [pod], NOW + 60) == (Readiness("a", NOW + 50, NOW + 50),)


def test_pods_that_start_or_are_gone_are_not_followed():
    assert follow(followed(-500), [a_starting_pod("b")], NOW) == ()


@pytest.mark.parametrize(("returns", "flaps"), [(MOST_RETURNS, False), (MOST_RETURNS + 1, True)])
def test_more_than_two_returns_are_flapping(returns, flaps):
    found = find_flapping([Readiness("a", NOW - 900, NOW, tuple(NOW - 100 * place for place in range(returns)))])
    assert [(one.reason, one.evidence.pod) for one in found] == [(Reason.FLAPPING, "a")] * flaps


def test_the_words():
    (one,) = find_flapping([Readiness("a", 0, 2, (0, 1, 2))])
    assert one.evidence.observed == "lost and regained 3 times in 10m"
