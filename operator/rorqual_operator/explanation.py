"""The latest decision about a service as a person would tell it: from an LLMService as it is stored, to text. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from rorqual_engine.api import LLMServiceSpec
from rorqual_engine.api.status import Decision, LLMServiceStatus, ScalingStatus

Object = Mapping[str, Any]


class ExplanationError(ValueError):
    """A service whose status cannot be read; the message says why."""


def explain(item: Object) -> str:
    """Some lines of text. Raises ExplanationError."""
    name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
    try:
        spec = LLMServiceSpec.model_validate(item["spec"])
        status = LLMServiceStatus.model_validate(item.get("status") or {})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ExplanationError(f"{name}: cannot be read at {place}: {first['msg']}") from error
    if status.observed_generation is None:
        return (
            f"{name}: no operator has looked at it yet (`kubectl -n … logs` of the operator tells whether one runs)\n"
        )
    return "\n".join([f"{name}: {_headline(status)}", *_lines(spec, status)]) + "\n"


def _headline(status: LLMServiceStatus) -> str:
    wanted = "" if status.desired_replicas == status.replicas else f", {status.desired_replicas} wanted"
    return f"{_count(status.replicas, 'replica')}, {status.ready_replicas} ready{wanted} ({status.reason})"


def _lines(spec: LLMServiceSpec, status: LLMServiceStatus) -> Iterator[str]:
    yield from _row("Model", f"{status.model} on {status.gpu}")
    yield from _row("Promise", _promise(spec, status.scaling))
    if status.scaling is not None:
        yield from _predictive(status.scaling) if status.scaling.rule == "Predictive" else _reactive(status.scaling)
    yield from _row("Bounds", f"{spec.scaling.min_replicas} to {spec.scaling.max_replicas}, mode {spec.scaling.mode}")
    if status.health is not None:
        evidence = "; ".join(f"{one.metric} {one.observed}, expected {one.expected}" for one in status.health.evidence)
        yield from _row("Health", f"{status.health.verdict}{f': {evidence}' if evidence else ''}")
        if status.health.advice not in (None, "Nothing"):
            where = f" ({', '.join(status.health.where)})" if status.health.where else ""
            sure = f", confidence {status.health.confidence:g}" if status.health.confidence is not None else ""
            yield from _row("Advice", f"{status.health.advice}{where}{sure}")
        for place, absent in enumerate(status.health.missing):
            yield from _row("Missing" if place == 0 else "", absent)
        if status.health.unusual is not None:
            shown = "; ".join(f"{one.metric} {one.observed}, {one.expected}" for one in status.health.unusual.evidence)
            yield from _row("Unusual", f"since {status.health.unusual.since}: {shown}")
    for condition in status.conditions:
        if condition.type in ("Stalled", "Paused", "ScalingLimited") and condition.status == "True":
            yield from _row(condition.type, f"{condition.reason}: {condition.message}")
    for place, one in enumerate(status.decisions[:3]):
        yield from _row("Decided" if place == 0 else "", _decision(one))
    if not status.decisions:
        yield from _row("Decided", "nothing yet")


def _promise(spec: LLMServiceSpec, scaling: ScalingStatus | None) -> str:
    parts = [
        f"{name} {percentile} {bound}"
        for name, limits in (("TTFT", spec.objectives.ttft), ("TPOT", spec.objectives.tpot))
        if limits is not None
        for percentile, bound in limits.model_dump(exclude_none=True).items()
    ]
    if not parts:
        return "none: without objectives the reactive rule scales by scaling.targets"
    goal = f"; {scaling.goal:.1%} of requests are to keep it" if scaling is not None and scaling.goal else ""
    return f"{', '.join(parts)}{goal}"


def _predictive(seen: ScalingStatus) -> Iterator[str]:
    yield from _row(
        "Load",
        f"{seen.requests_per_second:g} requests/s now, {seen.expected_requests_per_second:g} expected over the next "
        f"{seen.horizon_seconds:.0f} s; {seen.input_tokens:,.0f} tokens in{_held(seen)}, "
        f"{seen.output_tokens:,.0f} out",
    )
    yield from _row(
        "Work",
        f"{seen.request_seconds:g} s of a replica a request: {seen.work_replicas:g} replicas' worth; "
        f"{seen.waiting:g} requests wait{_pace(seen)}",
    )
    yield from _row(
        "Replicas", f"{seen.ready} serve, {seen.starting} start; a new one serves after {seen.startup_seconds:.0f} s"
    )
    best = min(seen.options, key=lambda one: one.gpu_seconds, default=None)
    for place, one in enumerate(seen.options):
        chosen = "  <- costs least" if one is best else ""
        yield from _row(
            "Options" if place == 0 else "",
            f"{one.replicas:>4}: {one.good_rate:6.1%} good for {one.gpu_seconds:8.0f} GPU-seconds, misses priced in"
            f"{chosen}",
        )
    yield from _row("Last hour", f"{seen.missed:.1%} missed an objective")
    if not seen.trusted:
        yield from _row("Trust", "what was foretold is not what happened of late: the reactive rule counts as well")
        yield from _reactive(seen)


def _held(seen: ScalingStatus) -> str:
    return f" ({seen.prefix_hit_rate:.0%} from the prefix cache)" if seen.prefix_hit_rate else ""


def _pace(seen: ScalingStatus) -> str:
    if seen.slowness is None or abs(seen.slowness - 1) < 0.05:
        return ""
    word = "slower" if seen.slowness > 1 else "faster"
    return f"; replicas were seen to be {max(seen.slowness, 1 / seen.slowness):.2f} times {word} than the law says"


def _reactive(seen: ScalingStatus) -> Iterator[str]:
    for place, one in enumerate(seen.signals):
        yield from _row(
            "Signals" if place == 0 else "",
            f"{one.name}: {one.value}, target {one.target}: {one.replicas:.2f} replicas",
        )


def _decision(one: Decision) -> str:
    limits = f" [limited by {one.limited_by}]" if one.limited_by else ""
    return f"{one.time} {one.action} {one.from_} -> {one.to}, {one.reason}: {one.message}{limits}"


def _row(title: str, text: str) -> Iterator[str]:
    yield f"  {title:<10} {text}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
