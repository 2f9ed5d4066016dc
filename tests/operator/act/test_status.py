"""The status that a person reads, and when it is worth a write."""

from dataclasses import replace
from typing import Any

import pytest

from rorqual_engine.api import LLMServiceStatus
from rorqual_engine.plan import (
    Apply,
    Command,
    Configuration,
    Evidence,
    Health,
    Limiter,
    Memory,
    Reason,
    Recommendation,
    ScaleTo,
    ServicePlan,
    Signal,
    Stall,
    Verdict,
)
from rorqual_engine.snapshot import Service, Unusual
from rorqual_operator.act.status import (
    KEPT_DECISIONS,
    REFRESH_SECONDS,
    SILENT,
    brief,
    invalid_status,
    manifest,
    status_of,
    worth_writing,
)

from ..builders import CONFIGURATION, GPU, KEY, NOW, hold, plan, pod, service, service_item, spec, workload
from .kstatus import kstatus

Status = dict[str, Any]
SERVING = service(pod())
SIGNAL = Signal("Concurrency", 190.0, 80.0, "requests", 2.4)
STALL = Stall(Reason.UNKNOWN_MODEL, "org/model is not in the catalog")


def scale(current: int = 1, replicas: int = 2, **fields: Any) -> ScaleTo:
    return ScaleTo(current, replicas, Reason.DEMAND_ABOVE_CAPACITY, "2.4 replicas are wanted", **fields)


def made(
    of: Service = SERVING, its: ServicePlan | None = None, previous: Status | None = None, at: float = 0
) -> Status:
    """The status `at` seconds after NOW; checked against its own schema."""
    found = status_of(of, its or plan(), previous or {}, NOW + at)
    LLMServiceStatus.model_validate(found)
    return found


def condition(status: Status, kind: str) -> dict[str, Any]:
    return next(entry for entry in status["conditions"] if entry["type"] == kind)


def test_numbers() -> None:
    of = service(pod("a"), pod("b", ready=False), pod("c", terminating=True), generation=7)
    found = made(of, plan(desired=5))
    assert (found["replicas"], found["readyReplicas"], found["desiredReplicas"]) == (2, 1, 5)
    assert found["observedGeneration"] == 7
    assert {entry["observedGeneration"] for entry in found["conditions"]} == {7}


def test_selector_matches_the_pods() -> None:
    assert made()["selector"] == (
        "app.kubernetes.io/component=engine,app.kubernetes.io/instance=chat,"
        "app.kubernetes.io/managed-by=rorqual,app.kubernetes.io/name=llmservice"
    )


def test_new_service_shows_its_first_choice_of_gpu() -> None:
    found = made(service(workload=None, spec=spec(hardware=[{"gpu": "A"}, {"gpu": "B"}])))
    assert (found["model"], found["gpu"]) == ("org/model", "A")
    assert "configuration" not in found


def test_running_configuration_is_the_applied_one() -> None:
    new = Configuration("B", 2, 64, pipeline_parallel=3)
    its = plan(Apply(new, 1, Reason.SPEC_CHANGED), memory=Memory(configured_generation=3))
    found = made(SERVING, its)
    expected = {
        **{"gpu": "B", "tensorParallel": 2, "pipelineParallel": 3},
        **{"maxConcurrentSequences": 64, "generation": 3},
    }
    assert found["configuration"]["running"] == expected
    assert found["gpu"] == "B"


def test_recommendation() -> None:
    recommendation = Recommendation(CONFIGURATION, 400_000, ("maxConcurrentSequences",), "the budget")
    assert made(its=plan(recommendation=recommendation))["recommendation"] == {
        "gpu": GPU,
        "tensorParallel": 1,
        "pipelineParallel": 1,
        "maxConcurrentSequences": 256,
        "gpuMemoryShare": 0.92,
        "maxContextTokens": 8192,
        "kvCacheTokens": 400_000,
        "basis": "Catalog",
        "pins": ["maxConcurrentSequences"],
        "explanation": "the budget",
    }


def test_health_with_evidence_and_since_when() -> None:
    evidence = Evidence("waiting", "12 requests", "0 requests", "chat-0")
    health = Health(Verdict.OVERLOAD, Reason.QUEUE_GROWING, "12 wait", (evidence,))
    found = made(its=plan(health=health, memory=Memory(verdict_since=NOW - 60)))["health"]
    assert (found["verdict"], found["since"]) == ("Overload", "2026-01-01T11:59:00Z")
    assert found["evidence"] == [
        {"metric": "waiting", "pod": "chat-0", "observed": "12 requests", "expected": "0 requests"}
    ]


def test_health_with_what_is_unlike_the_history() -> None:
    evidence = (Evidence("TTFT p95", "3s", "usually 200ms", since=NOW - 60),)
    usual = made(of=replace(SERVING, unusual=Unusual(0.5, 2.0)))["health"]
    found = made(of=replace(SERVING, unusual=Unusual(3.0, 2.0, NOW - 60, evidence, refused="no time")))["health"]
    assert "unusual" not in usual and "labelRefused" not in usual
    since = "2026-01-01T11:59:00Z"
    told = {"metric": "TTFT p95", "observed": "3s", "expected": "usually 200ms", "since": since}
    assert (found["unusual"], found["labelRefused"]) == ({"since": since, "evidence": [told]}, "no time")


# conditions' times


def test_transition_time_moves_only_when_the_status_does() -> None:
    first = made(service(pod(ready=False)))
    second = made(service(pod(ready=False, waiting_reason="ErrImagePull")), previous=first, at=60)
    third = made(SERVING, previous=second, at=120)
    times = [condition(found, "Ready")["lastTransitionTime"] for found in (first, second, third)]
    assert times == ["2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z", "2026-01-01T12:02:00Z"]
    assert "ErrImagePull" in condition(second, "Ready")["message"]


# decisions


def decisions(*rounds: Command, of: Service = SERVING) -> list[dict[str, Any]]:
    """status.decisions after these commands, one round each, ten seconds apart."""
    status: Status = {}
    for number, command in enumerate(rounds):
        status = made(of, plan(command), status, at=10 * number)
    return status["decisions"]


def test_scale_step_with_the_figures_that_led_to_it() -> None:
    command = scale(signal=SIGNAL, limited_by=(Limiter.SCALE_UP_POLICY, Limiter.MAX_REPLICAS))
    assert decisions(command) == [
        {
            "time": "2026-01-01T12:00:00Z",
            "action": "Scale",
            "from": "1",
            "to": "2",
            "reason": "DemandAboveCapacity",
            "signal": "Concurrency",
            "value": "190 requests",
            "target": "80 requests",
            "limitedBy": "ScaleUpPolicy,MaxReplicas",
            "message": "2.4 replicas are wanted",
        }
    ]


def test_newest_decision_is_first_and_ten_are_kept() -> None:
    found = decisions(*(scale(number, number + 1) for number in range(14)))
    assert len(found) == KEPT_DECISIONS == 10
    assert [entry["to"] for entry in found] == [str(number) for number in range(14, 4, -1)]


@pytest.mark.parametrize("reason", [Reason.METRICS_UNAVAILABLE, Reason.PAUSED, Reason.ADVISORY])
def test_hold_that_says_what_the_last_one_said_is_no_new_decision(reason: Reason) -> None:
    found = decisions(hold(reason, "a"), hold(reason, "b"), hold(reason, "c"))
    assert [entry["message"] for entry in found] == ["a"]


def test_hold_after_something_else_is_one() -> None:
    found = decisions(hold(Reason.PAUSED), scale(), hold(Reason.PAUSED))
    assert [entry["action"] for entry in found] == ["Hold", "Scale", "Hold"]


def test_hold_for_another_limit_is_one() -> None:
    held = hold(Reason.DEMAND_ABOVE_CAPACITY, limited_by=(Limiter.MAX_REPLICAS,))
    other = replace(held, limited_by=(Limiter.GPU_INVENTORY,))
    assert [entry["limitedBy"] for entry in decisions(held, other, other)] == ["GPUInventory", "MaxReplicas"]


@pytest.mark.parametrize("reason", SILENT)
def test_state_at_rest_is_no_decision(reason: Reason) -> None:
    assert decisions(hold(reason)) == []


def test_advice_says_how_many_it_would_be() -> None:
    (entry,) = made(its=plan(hold(Reason.ADVISORY), desired=4))["decisions"]
    assert (entry["action"], entry["from"], entry["to"]) == ("Advise", "1", "4")


def test_configuration_is_a_decision_once() -> None:
    new = Configuration("B", 2, 64, 0.9)
    apply = Apply(new, 1, Reason.SPEC_CHANGED, "the spec changed")
    (entry,) = decisions(apply)
    assert (entry["action"], entry["from"], entry["to"]) == (
        "Configure",
        f"1 x {GPU}, 256 sequences, share 0.92",
        "2 x B, 64 sequences, share 0.90",
    )
    assert decisions(apply, of=service(pod(), workload=workload(configuration=new))) == []


def test_first_configuration_comes_from_nothing() -> None:
    (entry,) = decisions(Apply(CONFIGURATION, 1, Reason.INITIAL_CONFIGURATION), of=service(workload=None))
    assert entry["from"] == "nothing"


def test_configuration_left_to_the_engine_in_brief() -> None:
    assert brief(Configuration("B", 1)) == "1 x B"


# a spec that cannot be read


def broken(previous: Status, generation: int = 2) -> Status:
    found = invalid_status(previous, generation, "spec.model: Field required", NOW + 60)
    LLMServiceStatus.model_validate(found)
    return found


def test_invalid_spec_keeps_what_is_known_of_what_runs_and_ready() -> None:
    before = made(SERVING, plan(scale()))
    found = broken(before)
    changed = {"observedGeneration", "reason", "conditions"}
    assert {key: found[key] for key in before if key not in changed} == {
        key: before[key] for key in before if key not in changed
    }
    assert condition(found, "Ready") == condition(before, "Ready")
    assert condition(found, "Stalled")["reason"] == found["reason"] == "InvalidSpec"
    assert condition(found, "Stalled")["message"].startswith("spec.model: Field required")


def test_invalid_spec_of_a_service_that_does_not_run_is_not_ready() -> None:
    found = broken(made(service(pod(ready=False))))
    assert (condition(found, "Ready")["status"], condition(found, "Ready")["reason"]) == ("False", "InvalidSpec")


def test_invalid_spec_from_the_start() -> None:
    found = broken({}, generation=1)
    assert condition(found, "Ready")["status"] == "False"
    assert kstatus({**service_item(), "status": found}) == "Failed"


def test_each_condition_stands_once() -> None:
    found = broken(broken(made()))
    types = [entry["type"] for entry in found["conditions"]]
    assert len(types) == len(set(types))


def test_same_error_again_changes_nothing() -> None:
    first = broken(made())
    assert broken(first) == first


# what is worth a write

BUSY = made(its=plan(health=Health(Verdict.OVERLOAD, Reason.QUEUE_GROWING, "12 wait")))
BUSIER = made(its=plan(health=Health(Verdict.OVERLOAD, Reason.QUEUE_GROWING, "13 wait")))


@pytest.mark.parametrize(
    ("written_at", "worth"),
    [(NOW, False), (NOW - REFRESH_SECONDS + 1, False), (NOW - REFRESH_SECONDS, True), (None, True)],
)
def test_figures_alone_are_rewritten_once_in_a_while(written_at: float | None, worth: bool) -> None:
    assert BUSY != BUSIER
    assert worth_writing(BUSY, BUSIER, written_at, NOW) is worth


def test_same_status_is_never_written() -> None:
    assert not worth_writing(BUSY, dict(reversed(BUSY.items())), None, NOW)


@pytest.mark.parametrize(
    "after",
    [
        made(its=plan(scale())),
        made(its=plan(desired=9)),
        made(service(pod(), pod("b"))),
        made(service(pod(), generation=2)),
        made(service(pod(), paused=True)),
        made(its=plan(health=Health(Verdict.IDLE, Reason.ANSWERING, "every replica answers"))),
        made(of=replace(SERVING, unusual=Unusual(3.0, 2.0, NOW))),
        made(its=plan(health=replace(plan().health, evidence=(Evidence("TTFT p95", "3s", "at most 2s"),)))),
    ],
    ids=["decision", "desired", "replicas", "generation", "condition", "verdict", "unusual", "evidence"],
)
def test_everything_else_is_written_at_once(after: Status) -> None:
    assert worth_writing(made(), after, NOW, NOW)


def test_manifest_is_of_the_status_alone() -> None:
    found = manifest(KEY, BUSY)
    assert set(found) == {"apiVersion", "kind", "metadata", "status"}
    assert found["metadata"] == {"namespace": "llm", "name": "chat"}


# how Argo CD and Flux judge it


def judged(of: Service, its: ServicePlan, generation: int = 1) -> str:
    item = service_item()
    item["metadata"]["generation"] = generation
    return kstatus({**item, "status": made(of, its)})


@pytest.mark.parametrize(
    ("of", "its", "verdict"),
    [
        (SERVING, plan(), "Current"),
        (SERVING, plan(scale()), "Current"),
        (service(pod(), pod("b", ready=False)), plan(), "Current"),
        (service(workload=None), plan(), "InProgress"),
        (service(pod(ready=False)), plan(), "InProgress"),
        (service(pod(), workload=workload(rolled_out=False)), plan(), "InProgress"),
        (service(workload=None), plan(stall=STALL), "Failed"),
        (service(pod(), workload=workload(rolled_out=False)), plan(stall=STALL), "Failed"),
    ],
)
def test_kstatus(of: Service, its: ServicePlan, verdict: str) -> None:
    assert judged(of, its) == verdict


def test_spec_that_was_not_looked_at_yet_is_in_progress() -> None:
    assert judged(SERVING, plan(), generation=2) == "InProgress"


def test_spec_that_became_invalid_within_a_rollout_has_failed() -> None:
    rolling = made(service(pod(), workload=workload(rolled_out=False)))
    item = service_item()
    item["metadata"]["generation"] = 2
    assert kstatus({**item, "status": broken(rolling)}) == "Failed"
