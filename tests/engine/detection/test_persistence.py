"""Symptoms over time."""

from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.detection.persistence import GAP_SECONDS, LINGER_SECONDS, settle
from rorqual_engine.plan import Advice, Evidence, Reason, Symptom, Verdict


def a_symptom(pod="a", settle_seconds=20.0):
    evidence = Evidence("time between tokens", "long", "short", pod)
    return Symptom(Verdict.FAULT, Reason.SLOW, evidence, 1.0, settle_seconds, Advice.RESTART_POD)


def over(rounds, tick=10.0, settle_seconds=20.0):
    """`!` for each round after which it counts, of rounds in which it shows (`x`) or does not."""
    known, told = (), ""
    for place, shows in enumerate(rounds):
        symptoms = [a_symptom(settle_seconds=settle_seconds)] if shows == "x" else []
        known = settle(symptoms, known, place * tick)
        told += "!" if any(one.settled for one in known) else "."
    return told


def test_it_counts_once_it_stayed():
    assert over("xxxx") == "..!!"


def test_what_needs_no_time_counts_at_once():
    assert over("x", settle_seconds=0.0) == "!"


def test_a_short_gap_is_no_end():
    assert over("x.x") == "..!"


def test_once_or_twice_is_not_enough():
    assert over("xx...x") == "......"


def test_it_counts_for_a_while_after_it_was_last_seen():
    gone = int(LINGER_SECONDS / 10)
    assert over("xxx" + "." * (gone + 1)) == "..!" + "!" * gone + "."


def test_each_pod_has_its_own():
    known = settle([a_symptom("a")], (), 0.0)
    known = settle([a_symptom("a"), a_symptom("b")], known, 20.0)
    assert {one.symptom.evidence.pod: one.settled for one in known} == {"a": True, "b": False}


def test_evidence_tells_since_when():
    known = settle([a_symptom()], settle([a_symptom()], (), 100.0), 110.0)
    assert known[0].symptom.evidence.since == 100.0


@given(st.lists(st.booleans(), max_size=60))
def test_nothing_counts_that_was_not_seen_lately(rounds):
    known = ()
    for place, shows in enumerate(rounds):
        now = 10.0 * place
        known = settle([a_symptom()] if shows else [], known, now)
        assert all(now - one.seen_at <= max(GAP_SECONDS, LINGER_SECONDS) for one in known)
        assert len(known) <= 1
