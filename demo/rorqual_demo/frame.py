"""One moment of the demo as plain data: what the view shows, what the picture and the summary are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rorqual_demo.endpoints import is_ending, is_ready
from rorqual_demo.ledger import Load
from rorqual_demo.scrape import EngineGauges

Object = dict[str, Any]
GPU_RESOURCE = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class Replicas:
    """Engine pods by state. `desired` is Rorqual's wish, `gpus` what the pods' requests hold."""

    desired: int = 0
    starting: int = 0
    ready: int = 0
    ending: int = 0
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Engines:
    """Gauges over all pods that answered; `kv_use` is their mean, 0..1."""

    running: float = 0.0
    waiting: float = 0.0
    kv_use: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision from the service's status. `time` as the operator wrote it (RFC 3339)."""

    time: str
    action: str
    before: str
    after: str
    reason: str
    message: str
    limited_by: str | None = None

    @property
    def is_scaling(self) -> bool:
        """Whether it changed a number of replicas."""
        return self.before.isdigit() and self.after.isdigit() and self.before != self.after

    @property
    def is_hold(self) -> bool:
        """Whether nothing was changed, knowingly."""
        return self.action == "Hold"

    @property
    def change(self) -> str:
        """`3→5` for a change of replicas, else what was done."""
        return f"{self.before}→{self.after}" if self.is_scaling else self.action


@dataclass(frozen=True, slots=True)
class Service:
    """What the LLMService's status says. `conditions` maps type to (status, reason, message)."""

    verdict: str = "Unknown"
    reason: str = ""
    decisions: tuple[Decision, ...] = ()
    conditions: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        return self.conditions.get("Ready", ("Unknown", "", ""))[0] == "True"


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything at one moment, `at` seconds after the replay's begin."""

    at: float
    load: Load
    replicas: Replicas
    engines: Engines
    service: Service


def read_service(status: Object) -> Service:
    """From `.status` of an LLMService; {} before the operator wrote any."""
    return Service(
        verdict=(status.get("health") or {}).get("verdict", "Unknown"),
        reason=status.get("reason", ""),
        decisions=tuple(_read_decision(one) for one in status.get("decisions", ())),
        conditions={
            one["type"]: (one["status"], one["reason"], one.get("message", "")) for one in status.get("conditions", ())
        },
    )


def _read_decision(one: Object) -> Decision:
    return Decision(
        time=one["time"],
        action=one["action"],
        before=one["from"],
        after=one["to"],
        reason=one["reason"],
        message=one.get("message", ""),
        limited_by=one.get("limitedBy"),
    )


def count_replicas(status: Object, pods: Sequence[Object]) -> Replicas:
    """Replicas from the service's status (desired) and its pods (the rest)."""
    living = [pod for pod in pods if not is_ending(pod) and pod["status"].get("phase") not in ("Succeeded", "Failed")]
    ready = sum(is_ready(pod) for pod in living)
    return Replicas(
        desired=status.get("desiredReplicas", 0),
        starting=len(living) - ready,
        ready=ready,
        ending=sum(is_ending(pod) for pod in pods),
        gpus=sum(_gpus(pod) for pod in pods if pod["spec"].get("nodeName")),
    )


def _gpus(pod: Object) -> int:
    limits = [container.get("resources", {}).get("limits", {}) for container in pod["spec"]["containers"]]
    return sum(int(limit.get(GPU_RESOURCE, 0)) for limit in limits)


def sum_engines(gauges: Iterable[EngineGauges]) -> Engines:
    """Queue lengths summed, KV use averaged over the pods that tell it."""
    known = list(gauges)
    kv = [one.kv_use for one in known if one.kv_use is not None]
    return Engines(
        running=sum(one.running for one in known),
        waiting=sum(one.waiting for one in known),
        kv_use=sum(kv) / len(kv) if kv else None,
    )
