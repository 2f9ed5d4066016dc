"""Replicas that get no requests any more."""

import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.detection.unreached import LEAST_MISSED, LEAST_ROUNDS, find_unreached, follow_requests
from rorqual_engine.plan import Advice, Reach, Reason
from rorqual_engine.snapshot import EngineMetrics, Pod

from ..builders import NOW, a_pod, a_service, some_metrics

TICK = 10.0


def at_work(rate: float = 2.0, held: float = 5.0, age: float = 0) -> EngineMetrics:
    """So many requests a second of 50 tokens, and so many in hand on average."""
    tokens = 50.0 * rate
    return some_metrics(
        held, requests_per_second=rate, generation_tokens_per_second=tokens, tpot_mean_seconds=held / tokens,
        idle_seconds=0.0, age=age,
    )  # fmt: skip


def at_rest(seconds: float) -> EngineMetrics:
    return some_metrics(0, requests_per_second=0.0, generation_tokens_per_second=0.0, idle_seconds=seconds)


def rounds(*each: Iterable[EngineMetrics | None]) -> tuple[Reach, ...]:
    """One look every ten seconds at pods with these metrics."""
    known: tuple[Reach, ...] = ()
    for number, metrics in enumerate(each):
        now = NOW + TICK * number
        known = follow_requests(known, a_service(pods=pods(metrics, now)).heard(now), now)
    return known


def pods(metrics: Iterable[EngineMetrics | None], now: float) -> tuple[Pod, ...]:
    return tuple(
        a_pod(f"pod-{place}", metrics=None if one is None else EngineMetrics(**_fields(one) | {"observed_at": now}))
        for place, one in enumerate(metrics)
    )


def _fields(metrics: EngineMetrics) -> dict[str, object]:
    return {name: getattr(metrics, name) for name in EngineMetrics.__slots__}


USUAL = [(at_work(), at_work())] * LEAST_ROUNDS


def test_half_of_the_requests_are_missed_where_half_is_usual():
    """By hand: a sibling with 5 in hand is busy 1 - e^-5 of the time, and gets 2 a second; so would this one."""
    (reach, _) = rounds(*USUAL, (at_rest(10), at_work()))
    assert reach.weight == pytest.approx(1.0)
    assert reach.missed == pytest.approx(2.0 * 10.0 * -math.expm1(-5.0))
    assert reach.idle_seconds == 10.0


def test_it_is_told_once_twenty_have_passed():
    one, two = ((at_rest(10), at_work()), (at_rest(20), at_work()))
    assert find_unreached(rounds(*USUAL, one)) == []
    (found,) = find_unreached(rounds(*USUAL, one, two))
    assert (found.reason, found.evidence.pod, found.advice) == (Reason.NOT_REACHED, "pod-0", Advice.RESTART_POD)
    assert "20s" in found.evidence.observed
    assert "1.0 times an even share" in found.evidence.expected


def test_the_time_goes_on_where_the_window_ends():
    """Metrics over a minute tell of a minute without requests, however many there were."""
    quiet = [(at_rest(min(60, 10 * number)), at_work(0.2, 1.0)) for number in range(1, 13)]
    (reach, _) = rounds(*USUAL, *quiet)
    assert reach.idle_seconds == 120


def test_one_request_and_all_is_well():
    gone = [(at_rest(10 * number), at_work()) for number in range(1, 4)]
    (reach, _) = rounds(*USUAL, *gone, (at_work(0.1, 1.0), at_work()))
    assert (reach.missed, reach.idle_seconds) == (0.0, 0.0)


def test_who_had_all_gets_half_beside_a_new_one():
    """By hand: an even share of two is as much as the other gets."""
    alone = [(at_work(),)] * LEAST_ROUNDS
    (reach, _) = rounds(*alone, (at_rest(10), at_work()))
    assert reach.missed == pytest.approx(2.0 * 10.0 * -math.expm1(-5.0))


def test_one_that_usually_gets_less_misses_less():
    """By hand: with 1 of 4 requests its share of two is a quarter: a third of what the other gets."""
    uneven = [(at_work(1.0), at_work(3.0))] * LEAST_ROUNDS
    (reach, _) = rounds(*uneven, (at_rest(10), at_work(3.0)))
    assert reach.weight == pytest.approx(0.5)
    assert reach.missed == pytest.approx(1.0 * 10.0 * -math.expm1(-5.0))


def test_a_router_that_prefers_the_first_may_leave_one_idle():
    """With a tenth of a request in hand on average the sibling is nearly always free, and gets them all."""
    low = [(at_rest(10 * number), at_work(2.0, 0.02)) for number in range(1, 20)]
    assert find_unreached(rounds(*USUAL, *low)) == []


def test_nothing_is_missed_at_night():
    night = [(at_rest(10 * number), at_rest(10 * number)) for number in range(1, 100)]
    assert find_unreached(rounds(*USUAL, *night)) == []


def test_one_that_never_got_any_misses_none():
    assert find_unreached(rounds(*[(at_rest(10 * number), at_work()) for number in range(1, 100)])) == []


def test_its_share_is_learned_first():
    assert find_unreached(rounds(*USUAL[1:], *[(at_rest(10 * number), at_work()) for number in range(1, 9)])) == []


def test_a_single_replica_has_nobody_to_be_compared_with():
    assert find_unreached(rounds(*[(at_work(),)] * LEAST_ROUNDS, *[(at_rest(10 * n),) for n in range(1, 60)])) == []


def test_one_that_is_not_heard_is_forgotten():
    assert [one.pod for one in rounds(*USUAL, (None, at_work()))] == ["pod-1"]


def test_without_the_means_that_it_needs_the_gauges_are_asked():
    old = some_metrics(3, requests_per_second=2.0, idle_seconds=0.0)
    gone = [(at_rest(10), old), (at_rest(20), old)]
    assert len(find_unreached(rounds(*[(old, old)] * LEAST_ROUNDS, *gone))) == 1


def test_engines_that_tell_no_tokens_are_not_judged():
    silent = some_metrics(0, requests_per_second=0.0, idle_seconds=None)
    assert find_unreached(rounds(*USUAL, *[(silent, at_work())] * 20)) == []


@given(st.lists(st.lists(st.floats(0.5, 20), min_size=3, max_size=3), min_size=1, max_size=40))
def test_who_gets_requests_is_never_named(loads):
    assert find_unreached(rounds(*[[at_work(rate, rate) for rate in row] for row in loads])) == []


def test_twenty_are_no_chance():
    """Two alike: that none of 2 N requests came to one of them has a probability of 2^-2N."""
    assert 2.0 ** (-2 * LEAST_MISSED) < 1e-11
