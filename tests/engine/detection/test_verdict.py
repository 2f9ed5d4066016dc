import pytest

from rorqual_engine.detection import Diagnosis, diagnose
from rorqual_engine.plan import Reason, Verdict

from ..builders import NOW, a_pod, a_service, a_spec, a_starting_pod, busy, pods_with, quantiles, scaled, some_metrics


def diagnosis(pods=(), spec=None, idle_seconds=0, **more) -> Diagnosis:
    return diagnose(a_service(spec, pods, **more), 100, None, NOW - idle_seconds, NOW)


def verdict(*args, **more):
    health = diagnosis(*args, **more).health
    return health.verdict, health.reason


def test_a_service_that_answers_is_healthy():
    assert verdict(busy(2, running=10)) == (Verdict.HEALTHY, Reason.ANSWERING)


def test_more_work_than_capacity_is_overload():
    assert verdict(busy(2, running=100, waiting=100)) == (Verdict.OVERLOAD, Reason.QUEUE_GROWING)


def test_silence_is_a_fault():
    pods = (a_pod("a"), a_pod("b", metrics=None, unanswered_since=NOW - 60))
    found = diagnosis(pods)
    assert (found.health.verdict, found.health.reason) == (Verdict.FAULT, Reason.NOT_ANSWERING)
    assert found.faulty_pods == {"b"}
    assert found.health.message == "pod b: answer none for 1m, expected an answer within 20s"


def test_a_fault_comes_before_overload_and_shows_both():
    pods = (*busy(1, running=100, waiting=300), a_pod("b", restarts=3, last_restart_at=NOW - 30))
    health = diagnosis(pods).health
    assert (health.verdict, health.reason) == (Verdict.FAULT, Reason.RESTARTING)
    assert [one.metric for one in health.evidence] == ["restarts", "waiting requests"]


def test_no_request_for_the_set_time_is_idle():
    spec = scaled(idleAfter="10m")
    assert verdict(busy(1, running=0), spec, idle_seconds=599)[0] is Verdict.HEALTHY
    assert verdict(busy(1, running=0), spec, idle_seconds=600) == (Verdict.IDLE, Reason.NO_REQUESTS)


def test_a_request_in_hand_is_not_idle():
    assert verdict(busy(1, running=1), idle_seconds=9999)[0] is Verdict.HEALTHY
    assert verdict(pods_with(some_metrics(requests_per_second=0.1)), idle_seconds=9999)[0] is Verdict.HEALTHY


@pytest.mark.parametrize("pods", [(), (a_starting_pod("a"),)])
def test_before_the_first_ready_replica_nothing_is_known(pods):
    found = diagnosis(pods).health
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, Reason.NO_READY_REPLICAS)
    assert found.message.startswith("starting")


def test_without_metrics_nothing_is_known():
    found = diagnosis(pods_with(None), metrics_problem="Prometheus refuses").health
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, Reason.METRICS_UNAVAILABLE)
    assert found.message == "Prometheus refuses"


def test_a_missed_objective_without_load_is_told_but_is_no_overload():
    spec = a_spec(objectives={"ttft": {"p95": "2s"}})
    health = diagnosis(busy(1, running=2), spec, service_ttft=quantiles(5)).health
    assert health.verdict is Verdict.HEALTHY
    assert "TTFT p95 5s, at most 2s, without load" in health.message
    assert len(health.evidence) == 1


def test_off_looks_for_nothing():
    spec = a_spec(detection={"mode": "Off"})
    found = diagnosis(pods_with(None), spec)
    assert (found.health.verdict, found.health.reason) == (Verdict.UNKNOWN, Reason.NOTHING_KNOWN)
    assert found.faulty_pods == frozenset()
