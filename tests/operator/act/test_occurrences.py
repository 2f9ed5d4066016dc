"""Which changes of status are worth an Event: one when an episode begins, one when it ends."""

from typing import Any

import pytest

from rorqual_operator.act.events import Occurrence
from rorqual_operator.act.occurrences import occurrences

Status = dict[str, Any]


def condition(kind: str, status: str, reason: str = "Because", message: str = "why") -> Status:
    return {"conditions": [{"type": kind, "status": status, "reason": reason, "message": message}]}


def told(previous: Status, new: Status) -> list[tuple[str, str]]:
    return [(found.kind, found.reason) for found in occurrences(previous, new)]


@pytest.mark.parametrize(
    ("kind", "good", "bad", "begin", "end"),
    [
        ("Stalled", "False", "True", ("Warning", "Because"), ("Normal", "Recovered")),
        ("MetricsAvailable", "True", "False", ("Warning", "MetricsUnavailable"), ("Normal", "MetricsAvailable")),
        ("CapacityAvailable", "True", "False", ("Warning", "CapacityLimited"), ("Normal", "CapacityAvailable")),
        ("AbleToScale", "True", "False", ("Warning", "Because"), ("Normal", "AutoscalerConflictEnded")),
        ("AnomalyDetected", "False", "True", ("Warning", "AnomalyDetected"), ("Normal", "AnomalyEnded")),
        ("Paused", "False", "True", ("Normal", "Paused"), ("Normal", "Resumed")),
    ],
)
def test_episode(kind: str, good: str, bad: str, begin: tuple[str, str], end: tuple[str, str]) -> None:
    assert told(condition(kind, good), condition(kind, bad)) == [begin]
    assert told(condition(kind, bad), condition(kind, bad, message="13 now")) == []
    assert told(condition(kind, bad), condition(kind, good)) == [end]
    assert told({}, condition(kind, good)) == []


def test_another_reason_for_alarm_is_told() -> None:
    before, after = condition("Stalled", "True", "UnknownModel"), condition("Stalled", "True", "UnknownGPU")
    assert told(before, after) == [("Warning", "UnknownGPU")]


def test_recovery_from_unknown_is_no_recovery() -> None:
    assert told(condition("MetricsAvailable", "Unknown"), condition("MetricsAvailable", "True")) == []


def test_first_alarm_of_a_new_service_is_told() -> None:
    assert told({}, condition("Stalled", "True", "UnknownModel")) == [("Warning", "UnknownModel")]


def test_ready_is_told_when_it_begins() -> None:
    assert told(condition("Ready", "False"), condition("Ready", "True")) == [("Normal", "Ready")]
    assert told(condition("Ready", "True"), condition("Ready", "False")) == []


def test_message_goes_along_with_its_reason() -> None:
    (found,) = occurrences({}, condition("CapacityAvailable", "False", "InsufficientGPUs", "0 of 8 GPUs are free"))
    assert found == Occurrence(
        "Warning", "CapacityLimited", "InsufficientGPUs: 0 of 8 GPUs are free", cause="InsufficientGPUs"
    )


def decision(action: str = "Scale", before: str = "1", after: str = "2", time: str = "t1") -> Status:
    return {"time": time, "action": action, "from": before, "to": after, "reason": "Because", "message": "why"}


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (decision(), "ScalingUp"),
        (decision(before="10", after="9"), "ScalingDown"),
        (decision("Configure", "1 x A", "2 x A"), "ConfigApplied"),
        (decision("Hold"), "ScalingHeld"),
        (decision("Advise"), "ScalingAdvised"),
    ],
)
def test_new_decision(entry: Status, reason: str) -> None:
    (found,) = occurrences({}, {"decisions": [entry]})
    assert found == Occurrence("Normal", reason, "Because: why", entry["action"], cause="Because")


def test_known_decisions_are_not_told_again() -> None:
    known = [decision(time="t2"), decision(time="t1")]
    new = [decision(before="2", after="1", time="t3"), *known]
    assert told({"decisions": known}, {"decisions": new}) == [("Normal", "ScalingDown")]
    assert told({"decisions": new}, {"decisions": new}) == []


def test_several_new_decisions_are_all_told() -> None:
    assert len(told({}, {"decisions": [decision(time="t2"), decision(time="t1")]})) == 2


def recommended(**fields: Any) -> Status:
    usual = {"gpu": "H100", "tensorParallel": 1, "basis": "Catalog", "explanation": "because"}
    return {"recommendation": {**usual, **fields}}


def test_another_recommendation_is_told_with_what_changed() -> None:
    (found,) = occurrences(recommended(), recommended(tensorParallel=2))
    assert found == Occurrence("Normal", "RecommendationChanged", "tensorParallel 1 -> 2: because")


@pytest.mark.parametrize("before", [{}, recommended()])
def test_a_first_or_the_same_recommendation_is_no_news(before: Status) -> None:
    assert told(before, recommended(explanation="other figures", confidence="93%")) == []


def noticed(**health: Any) -> Status:
    return {"health": {"verdict": "Healthy", **health}}


def test_what_is_unlike_the_history_is_told_when_it_begins_and_when_it_ends() -> None:
    evidence = [{"metric": "TTFT p95", "observed": "3s", "expected": "usually 200ms"}]
    unusual = noticed(unusual={"since": "2026-01-01T12:00:00Z", "evidence": evidence})
    (begun,) = occurrences(noticed(), unusual)
    assert begun == Occurrence("Warning", "UnusualMetrics", "TTFT p95 3s, usually 200ms")
    assert told(unusual, unusual) == []
    (ended,) = occurrences(unusual, noticed())
    assert ended == Occurrence("Normal", "UnusualMetricsEnded", "begun 2026-01-01T12:00:00Z")


def test_labels_that_cannot_be_read_are_told_once() -> None:
    refused = noticed(labelRefused="expected a time; found 'noon'")
    assert told(noticed(), refused) == [("Warning", "LabelRefused")]
    assert told(refused, refused) == []
    assert told(refused, noticed(labelRefused="expected a time; found 'dawn'")) == [("Warning", "LabelRefused")]


def test_refused_figures_are_told_once() -> None:
    refused = recommended(calibrationRefused="5 of 5 contradict physics")
    assert told(recommended(), refused) == [("Warning", "CalibrationRefused")]
    assert told(refused, recommended(calibrationRefused="6 of 6 contradict physics")) == []
