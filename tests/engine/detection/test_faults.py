from dataclasses import replace

import pytest

from rorqual_engine.detection.faults import find_faults
from rorqual_engine.plan import Reason

from ..builders import NOW, a_pod, a_service, a_starting_pod, a_workload


def faults(*pods, **service):
    return find_faults(a_service(pods=pods, **service), NOW)


def reasons(*pods, **service):
    return [reason for reason, _ in faults(*pods, **service)]


def test_a_pod_that_answers_is_well():
    assert faults(a_pod()) == []


def test_silence_is_a_fault_after_twenty_seconds():
    assert reasons(a_pod(metrics=None, unanswered_since=NOW - 20)) == []
    assert reasons(a_pod(metrics=None, unanswered_since=NOW - 21)) == [Reason.NOT_ANSWERING]


def test_the_evidence_has_the_figures():
    ((_, evidence),) = faults(a_pod("a", metrics=None, unanswered_since=NOW - 45))
    assert (evidence.pod, evidence.observed) == ("a", "none for 45s")
    assert evidence.expected == "an answer within 20s"


def test_silence_of_a_pod_that_is_not_ready_or_ends_is_none():
    assert reasons(a_pod(ready=False, unanswered_since=NOW - 60)) == []
    assert reasons(a_pod(terminating=True, unanswered_since=NOW - 60)) == []


def test_silence_of_a_pod_that_lost_its_readiness_counts():
    """A kubelet takes a frozen engine out of the Service before twenty seconds are over."""
    lost = a_pod("a", ready=False, lost_at=NOW - 10, metrics=None, unanswered_since=NOW - 30)
    assert reasons(lost, a_pod("b")) == [Reason.NOT_ANSWERING]
    assert reasons(replace(lost, unanswered_since=None), a_pod("b")) == []
    assert reasons(replace(lost, terminating=True), a_pod("b")) == []


def test_a_restart_is_a_fault_for_ten_minutes():
    assert reasons(a_pod(restarts=1, last_restart_at=NOW - 599)) == [Reason.RESTARTING]
    assert reasons(a_pod(restarts=1, last_restart_at=NOW - 601)) == []


def test_a_crash_loop_is_a_fault_however_long_it_waits():
    pod = a_pod(ready=False, restarts=9, last_restart_at=NOW - 3600, waiting_reason="CrashLoopBackOff")
    ((reason, evidence),) = faults(pod)
    assert reason is Reason.RESTARTING
    assert evidence.observed == "9, CrashLoopBackOff"


@pytest.mark.parametrize("waiting", ["ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError"])
def test_a_container_that_cannot_start_is_a_fault(waiting):
    pod = a_pod(ready=False, waiting_reason=waiting, waiting_message="no such image")
    ((reason, evidence),) = faults(pod)
    assert reason is Reason.CANNOT_START
    assert evidence.observed == f"{waiting}: no such image"


def test_a_container_that_is_being_created_is_not():
    assert reasons(a_pod(ready=False, waiting_reason="ContainerCreating")) == []


def test_one_fault_a_pod():
    pod = a_pod(metrics=None, unanswered_since=NOW - 60, restarts=2, last_restart_at=NOW - 60)
    assert reasons(pod) == [Reason.NOT_ANSWERING]


def test_a_rollout_that_stopped_is_a_fault_without_a_pod():
    ((reason, evidence),) = faults(a_pod(), workload=a_workload(progress_failure="deadline exceeded"))
    assert (reason, evidence.pod, evidence.observed) == (Reason.CANNOT_START, None, "deadline exceeded")


def test_a_rollout_that_waits_for_gpus_is_not():
    waiting = replace(a_starting_pod("a"), unschedulable="0/4 nodes: insufficient nvidia.com/gpu")
    assert reasons(waiting, workload=a_workload(progress_failure="deadline exceeded")) == []
