from dataclasses import replace

import pytest

from rorqual_engine.detection import Diagnosis, diagnose
from rorqual_engine.plan import Advice, Readiness, Reason, Scope, Verdict, Watch
from rorqual_engine.snapshot import GPU
from rorqual_engine.timing import Capability, StepTiming

from ..builders import (
    NOW,
    a_pod,
    a_service,
    a_spec,
    a_starting_pod,
    a_workload,
    busy,
    pods_with,
    quantiles,
    scaled,
    settled,
    some_metrics,
)


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


LAW = Capability(StepTiming(0.01), sequences=100, kv_tokens=100_000)


def over_rounds(*rounds, **more) -> list[Diagnosis]:
    """One diagnosis a round of 10 s, each with what the one before remembered."""
    memory, found = settled(), []
    for place, pods in enumerate(rounds):
        now = NOW + 10 * place
        seen = tuple(replace(pod, metrics=replace(pod.metrics, observed_at=now)) for pod in pods)
        service = a_service(more.get("spec"), seen, memory=memory)
        found.append(diagnose(service, 100, LAW, now, now))
        memory = replace(memory, watch=found[-1].watch, verdict=found[-1].health.verdict)
    return found


def decoding(*means):
    return pods_with(*[some_metrics(5, generation_tokens_per_second=500, tpot_mean_seconds=mean) for mean in means])


def test_a_slow_pod_is_a_fault_once_it_stays_so():
    """By hand: before anything is known twice as slow counts; four times is twice that in logarithm, so 10 s do."""
    found = over_rounds(*[decoding(0.01, 0.01, 0.04)] * 3)
    assert [one.health.verdict for one in found] == [Verdict.HEALTHY, Verdict.FAULT, Verdict.FAULT]
    health = found[-1].health
    assert (health.reason, health.scope, health.where) == (Reason.SLOW, Scope.POD, ("pod-2",))
    assert health.advice is Advice.RESTART_POD and 0.6 < health.confidence < 0.99
    assert found[-1].faulty_pods == {"pod-2"}
    assert health.evidence[0].since == NOW


def test_a_round_in_which_a_pod_seems_slow_teaches_nothing_even_before_it_is_believed():
    even, uneven = (decoding(0.012, 0.012, mean) for mean in (0.012, 0.048))
    *_, before, onset = over_rounds(even, even, uneven)
    assert onset.health.verdict is Verdict.HEALTHY
    assert onset.watch.pace_rounds == before.watch.pace_rounds == 2


def test_a_stuck_pod_is_a_fault_at_once_whatever_the_queue():
    pods = (*busy(1, running=100, waiting=300), a_pod("b", metrics=some_metrics(100, 300, stalled_seconds=30)))
    (found,) = over_rounds(pods)
    assert (found.health.verdict, found.health.reason) == (Verdict.FAULT, Reason.NO_PROGRESS)
    assert found.health.where == ("b",)


def test_all_silent_at_once_is_no_fault_of_theirs():
    """Who listens is deaf, or the way there is closed: nothing is known, and nothing is restarted."""
    silent = [a_pod(name, metrics=None, unanswered_since=NOW - 60) for name in ("a", "b", "c")]
    assert verdict(tuple(silent))[0] is Verdict.UNKNOWN
    assert verdict((*silent[:2], replace(silent[2], unanswered_since=NOW - 200)))[0] is Verdict.FAULT


def test_thrashing_is_told_before_the_queue_that_it_makes():
    thrashing = {"preemptions_per_second": 1.0, "requests_per_second": 2.0, "kv_use": 0.99}
    found = over_rounds(*[busy(2, running=20, waiting=50, **thrashing)] * 4)
    assert found[0].health.verdict is Verdict.OVERLOAD
    health = found[-1].health
    assert (health.verdict, health.reason, health.advice) == (
        Verdict.MISCONFIGURED,
        Reason.KV_CACHE_THRASHING,
        Advice.RETUNE,
    )
    assert [one.metric for one in health.evidence] == ["preemptions", "KV cache use"]
    assert found[-1].faulty_pods == frozenset()


def test_while_a_rollout_is_under_way_the_configuration_is_not_judged():
    thrashing = {"preemptions_per_second": 1.0, "requests_per_second": 2.0, "kv_use": 0.99}
    pods = busy(2, running=20, waiting=50, **thrashing)
    service = a_service(pods=pods, workload=a_workload(2, rolled_out=False))
    assert diagnose(service, 100, LAW, NOW, NOW).watch.suspicions == ()


def test_a_pod_that_is_gone_takes_its_symptoms_along():
    found = over_rounds(*[decoding(0.01, 0.01, 0.04)] * 3, decoding(0.01, 0.01))
    assert found[-1].health.verdict is Verdict.HEALTHY
    assert found[-1].faulty_pods == frozenset()


def test_overload_asks_for_replicas():
    health = diagnosis(busy(2, running=100, waiting=100)).health
    assert (health.advice, health.scope) == (Advice.SCALE, Scope.SERVICE)


def test_with_detection_off_nothing_is_remembered():
    (found,) = over_rounds(decoding(0.01, 0.02), spec=a_spec(detection={"mode": "Off"}))
    assert found.health.verdict is Verdict.UNKNOWN and found.watch == Watch()


WELL = GPU("0", clock_mhz=1980, busy=0.9)
HOT = GPU("0", clock_mhz=900, temperature_celsius=92, busy=0.9, held_down_by=("heat",))


def test_a_gpu_that_fails_is_its_nodes_fault():
    pods = (a_pod("a", "one", gpus=(WELL,)), a_pod("b", "two", gpus=(GPU("3", xid=79),)))
    found = diagnosis(pods)
    health = found.health
    assert (health.verdict, health.reason, health.scope, health.where, health.advice) == (
        *(Verdict.FAULT, Reason.GPU_ERROR, Scope.NODE),
        *(("two",), Advice.CORDON_NODE),
    )
    assert health.message == "pod b: GPU 3 XID 79, expected none in 10m"
    assert found.faulty_pods == {"b"}


def test_a_hot_gpu_is_told_once_it_stays():
    pods = (a_pod("a", "one", gpus=(WELL,)), a_pod("b", "two", gpus=(HOT,)))
    first = diagnosis(pods)
    assert first.health.verdict is Verdict.HEALTHY
    later = diagnose(a_service(pods=pods, memory=settled(watch=first.watch)), 100, None, NOW, NOW + 20)
    last = diagnose(a_service(pods=pods, memory=settled(watch=later.watch)), 100, None, NOW, NOW + 40)
    assert (last.health.reason, last.health.where) == (Reason.GPU_THROTTLED, ("two",))


def test_what_a_broken_pods_gpu_and_node_say_stands_beside():
    pods = (
        a_pod("a"),
        a_pod(
            "b", "two", restarts=3, last_restart_at=NOW - 30, gpus=(GPU("0", xid=31),), node_problem="NotReady: gone"
        ),
    )
    health = diagnosis(pods).health
    assert [(one.metric, one.observed) for one in health.evidence] == [
        ("restarts", "3"),
        ("node two", "NotReady: gone"),
        ("GPU 0 XID", "31"),
    ]
    assert (health.scope, health.where, health.advice) == (Scope.NODE, ("two",), Advice.CORDON_NODE)


def test_a_pod_that_comes_and_goes_is_at_fault_but_not_under_overload():
    readiness = (Readiness("pod-0", NOW - 900, NOW - 50, (NOW - 400, NOW - 200, NOW - 50)),)
    memory = settled(watch=Watch(readiness=readiness))

    def verdict_of(pods):
        pods = tuple(replace(pod, ready_since=NOW - 50) for pod in pods)
        return diagnosis(pods, memory=memory).health.reason

    assert verdict_of(busy(2, running=10)) is Reason.FLAPPING
    assert verdict_of(busy(2, running=100, waiting=100)) is Reason.QUEUE_GROWING


def test_missing_signals_are_named_whatever_the_verdict():
    health = diagnosis((a_pod("a"),)).health
    assert "GPU metrics (DCGM exporter): errors and clocks of GPUs" in health.missing
