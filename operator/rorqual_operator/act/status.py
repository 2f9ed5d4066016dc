"""A plan -> the status that a person reads with kubectl. Pure: what was there before and the time are arguments."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rorqual_engine.api import API_VERSION, KIND, LLMServiceStatus
from rorqual_engine.api import status as api
from rorqual_engine.plan import (
    Apply,
    Command,
    Configuration,
    Evidence,
    Hold,
    Reason,
    ScaleTo,
    ServicePlan,
    Signal,
)
from rorqual_engine.snapshot import Service, ServiceKey
from rorqual_operator.act.conditions import Claim, claims, headline, invalid
from rorqual_operator.act.recommendation import choice, recommendation_status
from rorqual_operator.act.render import pod_selector
from rorqual_operator.act.scaling import scaling_status
from rorqual_operator.kube import Object
from rorqual_operator.times import rfc3339

KEPT_DECISIONS = 10
REFRESH_SECONDS = 30.0
"""Figures in messages and evidence alone are rewritten no more often than this."""

OTHERS = ("calibration",)
"""Fields of the status that others write, under field managers of their own."""

# Holds that go without saying: they are the state at rest, not a decision worth keeping.
SILENT = (
    Reason.AT_TARGET,
    Reason.WITHIN_TOLERANCE,
    Reason.AT_MINIMUM,
    Reason.SCALING_OFF,
    Reason.EXTERNAL_REPLICAS,
    Reason.CREATING,
    Reason.NO_READY_REPLICAS,
)


def status_of(service: Service, plan: ServicePlan, previous: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The whole new status, as it goes over the wire."""
    pods = [pod for pod in service.pods if not pod.terminating]
    status = LLMServiceStatus(
        observed_generation=service.generation,
        replicas=len(pods),
        ready_replicas=sum(pod.serving for pod in pods),
        desired_replicas=plan.desired_replicas,
        selector=selector_text(service.key.name),
        model=service.spec.model.name,
        gpu=_gpu(service, plan),
        reason=headline(plan),
        recommendation=recommendation_status(plan.recommendation) if plan.recommendation else None,
        configuration=_configuration(service, plan),
        health=_health(service, plan, now),
        scaling=scaling_status(plan, now),
        decisions=_decisions(service, plan, previous.get("decisions") or [], now),
        conditions=_conditions(claims(service, plan), previous, service.generation, now),
    )
    return status.model_dump(by_alias=True, exclude_none=True)


def invalid_status(previous: Mapping[str, Any], generation: int, message: str, now: float) -> dict[str, Any]:
    """The status of a service whose spec cannot be read: all that is known of what runs is kept."""
    fresh = _conditions(invalid(message), previous, generation, now)
    new = {condition.type: condition.model_dump(by_alias=True, exclude_none=True) for condition in fresh}
    kept = [condition for condition in previous.get("conditions") or [] if condition["type"] not in new]
    serving = previous.get("readyReplicas", 0) > 0
    if serving:  # a running service stays Ready while its new spec is unusable
        kept += [c for c in previous.get("conditions") or [] if c["type"] == "Ready"]
        new.pop("Ready")
    return {
        **_ours(previous),
        "observedGeneration": generation,
        "reason": str(Reason.INVALID_SPEC),
        "conditions": [*kept, *new.values()],
    }


def selector_text(name: str) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(pod_selector(name).items()))


def manifest(key: ServiceKey, status: Mapping[str, Any]) -> Object:
    """What is applied to the status subresource."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"namespace": key.namespace, "name": key.name},
        "status": dict(status),
    }


def worth_writing(previous: Mapping[str, Any], new: Mapping[str, Any], written_at: float | None, now: float) -> bool:
    """Whether something changed but figures in texts, or those after REFRESH_SECONDS."""
    if json.dumps(_timeless(previous), sort_keys=True) == json.dumps(_timeless(new), sort_keys=True):
        return False
    if essence(previous) != essence(new):
        return True
    return written_at is None or now - written_at >= REFRESH_SECONDS


def essence(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without the figures that change at every round."""
    apart = ("conditions", "health", "recommendation", "scaling", *OTHERS)
    rest = {key: value for key, value in status.items() if key not in apart}
    rest["recommendation"] = choice(status.get("recommendation") or {})
    rest["conditions"] = [{**condition, "message": ""} for condition in status.get("conditions") or []]
    health = status.get("health") or {}
    rest["verdict"] = [health.get(name) for name in ("verdict", "scope", "where", "advice")]
    rest["missing"] = health.get("missing")
    rest["unusual"] = (health.get("unusual") or {}).get("since")
    rest["labelRefused"] = health.get("labelRefused")
    rest["evidence"] = sorted((entry["metric"], entry.get("pod", "")) for entry in health.get("evidence") or [])
    return rest


def _timeless(status: Mapping[str, Any]) -> dict[str, Any]:
    """What the operator writes, but the time at which figures that are still the same were true."""
    return {**_ours(status), "scaling": {**(status.get("scaling") or {}), "time": None}}


def _ours(status: Mapping[str, Any]) -> dict[str, Any]:
    """What the operator itself writes of a status."""
    return {key: value for key, value in status.items() if key not in OTHERS}


def _gpu(service: Service, plan: ServicePlan) -> str:
    wanted = _wanted(service, plan)
    return wanted.gpu if wanted else service.spec.hardware[0].gpu


def _wanted(service: Service, plan: ServicePlan) -> Configuration | None:
    """The configuration after this plan: what is applied, else what runs."""
    applied = next((command.configuration for command in plan.commands if isinstance(command, Apply)), None)
    return applied or (service.workload.configuration if service.workload else None)


def _configuration(service: Service, plan: ServicePlan) -> api.ConfigurationStatus | None:
    wanted = _wanted(service, plan)
    if wanted is None:
        return None
    running = api.RunningConfiguration(
        gpu=wanted.gpu,
        tensor_parallel=wanted.tensor_parallel,
        pipeline_parallel=wanted.pipeline_parallel,
        max_concurrent_sequences=wanted.max_concurrent_sequences,
        gpu_memory_share=wanted.gpu_memory_share,
        max_context_tokens=wanted.max_context_tokens,
        max_batched_tokens=wanted.max_batched_tokens,
        generation=plan.memory.configured_generation,
    )
    return api.ConfigurationStatus(running=running)


def _health(service: Service, plan: ServicePlan, now: float) -> api.Health:
    health, unusual = plan.health, service.unusual
    since = plan.memory.verdict_since if plan.memory.verdict_since is not None else now
    return api.Health(
        verdict=health.verdict.value,
        since=rfc3339(since),
        evidence=_evidence(health.evidence),
        scope=health.scope.value,
        where=list(health.where),
        confidence=None if health.confidence is None else round(health.confidence, 1),
        advice=health.advice.value,
        missing=list(health.missing),
        unusual=None
        if unusual.since is None
        else api.Unusual(since=rfc3339(unusual.since), evidence=_evidence(unusual.evidence)),
        label_refused=unusual.refused,
    )


def _evidence(told: Sequence[Evidence]) -> list[api.Evidence]:
    return [
        api.Evidence(
            metric=entry.metric,
            pod=entry.pod,
            observed=entry.observed,
            expected=entry.expected,
            since=None if entry.since is None else rfc3339(entry.since),
        )
        for entry in told
    ]


def _conditions(
    claimed: Sequence[Claim], previous: Mapping[str, Any], generation: int, now: float
) -> list[api.Condition]:
    before = {entry["type"]: entry for entry in previous.get("conditions") or []}
    return [
        api.Condition(
            type=claim.type,
            status=claim.status,
            reason=str(claim.reason),
            message=claim.message,
            observed_generation=generation,
            last_transition_time=_transition(before.get(claim.type), claim, now),
        )
        for claim in claimed
    ]


def _transition(before: Mapping[str, Any] | None, claim: Claim, now: float) -> str:
    return before["lastTransitionTime"] if before and before["status"] == claim.status else rfc3339(now)


def _decisions(
    service: Service, plan: ServicePlan, previous: Sequence[Mapping[str, Any]], now: float
) -> list[api.Decision]:
    kept = [api.Decision.model_validate(entry) for entry in previous]
    for command in plan.commands:
        made = decision(service, plan, command, now)
        if made and not _repeats(made, kept[0] if kept else None):
            kept.insert(0, made)
    return kept[:KEPT_DECISIONS]


def _repeats(made: api.Decision, last: api.Decision | None) -> bool:
    """A hold or an advice that says what the last entry said is not a new decision."""
    if last is None or made.action not in ("Hold", "Advise"):
        return False
    return (made.action, made.reason, made.to, made.limited_by) == (last.action, last.reason, last.to, last.limited_by)


def decision(service: Service, plan: ServicePlan, command: Command, now: float) -> api.Decision | None:
    """A command as an entry of status.decisions; None for what goes without saying."""
    if isinstance(command, Apply):
        return _configured(service, command, now)
    if isinstance(command, ScaleTo):
        return _entry("Scale", command.current, command.replicas, command, now)
    if command.reason in SILENT:
        return None
    current = service.workload.replicas if service.workload else 0
    if command.reason in (Reason.ADVISORY, Reason.CONFLICTING_AUTOSCALER):
        return _entry("Advise", current, plan.desired_replicas, command, now)
    return _entry("Hold", current, current, command, now)


def _configured(service: Service, command: Apply, now: float) -> api.Decision | None:
    running = service.workload.configuration if service.workload else None
    if running == command.configuration:
        return None
    return api.Decision(
        time=rfc3339(now),
        action="Configure",
        from_=brief(running) if running else "nothing",
        to=brief(command.configuration),
        reason=command.reason,
        message=command.message,
    )


def brief(configuration: Configuration) -> str:
    """A configuration in one line."""
    parts = [str(configuration.replica)]
    if configuration.max_concurrent_sequences is not None:
        parts.append(f"{configuration.max_concurrent_sequences} sequences")
    if configuration.gpu_memory_share is not None:
        parts.append(f"share {configuration.gpu_memory_share:.2f}")
    return ", ".join(parts)


def _entry(action: str, current: int, replicas: int, command: ScaleTo | Hold, now: float) -> api.Decision:
    signal = command.signal
    return api.Decision(
        time=rfc3339(now),
        action=action,
        from_=str(current),
        to=str(replicas),
        reason=command.reason,
        signal=signal.name if signal else None,
        value=_figure(signal, signal.value) if signal else None,
        target=_figure(signal, signal.target) if signal else None,
        limited_by=",".join(command.limited_by) or None,
        message=command.message,
    )


def _figure(signal: Signal, value: float) -> str:
    return f"{value:.4g} {signal.unit}".rstrip()
