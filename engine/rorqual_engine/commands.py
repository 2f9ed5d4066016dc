"""The commands for one service, once it is known what it wants and what it may have."""

from dataclasses import dataclass

from rorqual_engine.fleet import Grant
from rorqual_engine.plan import Apply, Command, Hold, Limiter, Reason, ScaleTo, Stall
from rorqual_engine.scaling import Desire
from rorqual_engine.sizing import Sizing
from rorqual_engine.snapshot import Service


@dataclass(frozen=True, slots=True)
class Choice:
    """Commands, the number of replicas wanted, and what limited it."""

    commands: tuple[Command, ...]
    replicas: int
    limited_by: tuple[Limiter, ...] = ()


def choose_commands(
    service: Service, sizing: Sizing | None, desire: Desire | None, stall: Stall | None, grant: Grant | None
) -> Choice:
    """One Hold alone when paused or stalled; else one Apply, then one ScaleTo or Hold."""
    current = service.workload.replicas if service.workload else 0
    if service.paused:
        return Choice((Hold(Reason.PAUSED, "paused by the annotation rorqual.io/paused"),), current)
    if stall is not None:
        return Choice((Hold(Reason.STALLED, f"{stall.reason}: {stall.message}"),), current)
    if sizing is None or desire is None:
        raise ValueError(f"{service.key}: neither stalled nor sized")
    replicas = _granted(service, desire, grant)
    short = replicas < desire.replicas
    limited_by = (*desire.limited_by, Limiter.GPU_INVENTORY) if short else desire.limited_by
    scaling = _scaling(service, desire, replicas, limited_by, grant)
    after = replicas if service.workload is None or isinstance(scaling, ScaleTo) else current
    apply = Apply(sizing.configuration, after, sizing.reason, sizing.explanation)
    return Choice((apply, scaling), replicas, limited_by)


def _granted(service: Service, desire: Desire, grant: Grant | None) -> int:
    """What there are GPUs for; an external autoscaler's number is passed on as it is, and the shortage reported."""
    if grant is None or service.spec.scaling.mode == "External":
        return desire.replicas
    return min(desire.replicas, grant.replicas)


def _scaling(
    service: Service, desire: Desire, replicas: int, limited_by: tuple[Limiter, ...], grant: Grant | None
) -> ScaleTo | Hold:
    reason, message = desire.reason, desire.message
    if replicas < desire.replicas and grant is not None and grant.shortage is not None:
        message = f"{message}; {grant.shortage.message}"
        if replicas == desire.current:
            reason = Reason.INSUFFICIENT_GPUS
    onlooker = _onlooker(service)
    if onlooker is not None and service.workload is not None:
        return Hold(onlooker[0], f"{onlooker[1]}; Rorqual would have {replicas}: {message}", limited_by, desire.signal)
    if service.workload is None or replicas == desire.current:
        return Hold(reason, message, limited_by, desire.signal)
    return ScaleTo(desire.current, replicas, reason, message, desire.signal, limited_by)


def _onlooker(service: Service) -> tuple[Reason, str] | None:
    """Why Rorqual only says what it would do, if so."""
    mode = service.spec.scaling.mode
    if service.foreign_autoscaler is not None and mode in ("Internal", "External"):
        return Reason.CONFLICTING_AUTOSCALER, f"{service.foreign_autoscaler} scales the Deployment too"
    if mode == "Advisory":
        return Reason.ADVISORY, "scaling.mode is Advisory"
    return None
