"""Which changes between two statuses are worth an Event. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from rorqual_engine.plan import Reason
from rorqual_operator.act.events import Occurrence
from rorqual_operator.act.recommendation import CHOICES, choice

# Condition, status that is news, kind of Event, reason of the Event; the condition's message goes along.
ALARMS = (
    ("Stalled", "True", "Warning", None),
    ("MetricsAvailable", "False", "Warning", "MetricsUnavailable"),
    ("CapacityAvailable", "False", "Warning", "CapacityLimited"),
    ("AbleToScale", "False", "Warning", None),
    ("AnomalyDetected", "True", "Warning", "AnomalyDetected"),
    ("Paused", "True", "Normal", "Paused"),
    ("Ready", "True", "Normal", "Ready"),
)
ENDINGS = {
    ("Stalled", "False"): "Recovered",
    ("MetricsAvailable", "True"): "MetricsAvailable",
    ("CapacityAvailable", "True"): "CapacityAvailable",
    ("AnomalyDetected", "False"): "AnomalyEnded",
    ("AbleToScale", "True"): "AutoscalerConflictEnded",
    ("Paused", "False"): "Resumed",
}
RECOMMENDATION_CHANGED = "RecommendationChanged"
UNUSUAL, USUAL_AGAIN, LABEL_REFUSED = "UnusualMetrics", "UnusualMetricsEnded", "LabelRefused"
EVENT_OF_ACTION = {"Configure": "ConfigApplied", "Hold": "ScalingHeld", "Advise": "ScalingAdvised"}


def occurrences(previous: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Occurrence]:
    """Events for new decisions and for conditions that changed their status or their reason for alarm."""
    yield from _decided(previous, new)
    yield from _recommended(previous.get("recommendation") or {}, new.get("recommendation") or {})
    yield from _noticed(previous.get("health") or {}, new.get("health") or {})
    before = {entry["type"]: entry for entry in previous.get("conditions") or []}
    for condition in new.get("conditions") or []:
        yield from _changed(before.get(condition["type"]), condition)


def _decided(previous: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Occurrence]:
    known = previous.get("decisions") or []
    for entry in new.get("decisions") or []:
        if entry in known:
            return
        message = f"{entry['reason']}: {entry.get('message', '')}"
        yield Occurrence("Normal", _event_reason(entry), message, entry["action"], cause=entry["reason"])


def _recommended(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Occurrence]:
    """Another choice than the one told before, and figures of engines that are not believed."""
    if before and now and choice(before) != choice(now):
        yield Occurrence("Normal", RECOMMENDATION_CHANGED, f"{_differences(before, now)}: {now['explanation']}")
    refused = now.get("calibrationRefused")
    if refused and not before.get("calibrationRefused"):
        yield Occurrence("Warning", str(Reason.CALIBRATION_REFUSED), refused)


def _noticed(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Occurrence]:
    """What is unlike the service's history, once when it begins and once when it ends, and labels nobody can read."""
    began, begun = before.get("unusual"), now.get("unusual")
    if begun and not began:
        told = "; ".join(f"{one['metric']} {one['observed']}, {one['expected']}" for one in begun.get("evidence") or [])
        yield Occurrence("Warning", UNUSUAL, told)
    if began and not begun:
        yield Occurrence("Normal", USUAL_AGAIN, f"begun {began['since']}")
    refused = now.get("labelRefused")
    if refused and refused != before.get("labelRefused"):
        yield Occurrence("Warning", LABEL_REFUSED, refused)


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    names = [name for name in CHOICES if before.get(name) != now.get(name)]
    return ", ".join(f"{name} {before.get(name)} -> {now.get(name)}" for name in names)


def _event_reason(entry: Mapping[str, Any]) -> str:
    if entry["action"] == "Scale":
        return "ScalingUp" if int(entry["to"]) > int(entry["from"]) else "ScalingDown"
    return EVENT_OF_ACTION[entry["action"]]


def _changed(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> Iterator[Occurrence]:
    same = before is not None and (before["status"], before["reason"]) == (now["status"], now["reason"])
    if same:
        return
    for kind, status, severity, reason in ALARMS:
        if (now["type"], now["status"]) == (kind, status):
            told = reason or now["reason"]
            message = f"{now['reason']}: {now['message']}"
            yield Occurrence("Warning" if severity == "Warning" else "Normal", told, message, cause=now["reason"])
    ending = ENDINGS.get((now["type"], now["status"]))
    if ending and before is not None and before["status"] not in (now["status"], "Unknown"):
        yield Occurrence("Normal", ending, now["message"], cause=now["reason"])
