"""How many replicas a service is to have, as far as it alone is concerned: demand, windows, policies, bounds."""

import math
from dataclasses import dataclass, replace

from rorqual_engine.plan import Limiter, Outlook, Proposal, Reason, Signal
from rorqual_engine.scaling.bounds import Bounds
from rorqual_engine.scaling.load import Load
from rorqual_engine.scaling.outlook import Foresight
from rorqual_engine.scaling.policies import down_limit, up_limit
from rorqual_engine.scaling.proposal import Proposed, propose, propose_planned
from rorqual_engine.scaling.signals import read_signals, strongest
from rorqual_engine.scaling.stabilization import DEFAULT_DOWN_SECONDS, Windows, remember, stabilize, windows
from rorqual_engine.snapshot import Service


@dataclass(frozen=True, slots=True)
class Desire:
    """A wanted number of replicas with its reason; `current` is what the workload asks for now."""

    current: int
    replicas: int
    reason: Reason
    message: str
    signal: Signal | None = None
    signals: tuple[Signal, ...] = ()
    limited_by: tuple[Limiter, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    """To be remembered."""
    outlook: Outlook | None = None
    """None where the reactive rule decided."""


def desire(
    service: Service, load: Load, sequences: int, bounds: Bounds, foresight: Foresight | None, now: float
) -> Desire:
    """The wanted number by the mode of scaling; `sequences` is what one replica works on at once.

    `foresight` decides where there is one; where it was wrong of late, the reactive rule counts as well, if it asks for
    more.
    """
    scaling = service.spec.scaling
    if service.workload is None:
        return _create(service, bounds)
    current = service.workload.replicas
    if scaling.mode == "Off":
        return Desire(current, current, Reason.SCALING_OFF, "scaling.mode is Off: the number of replicas stays")
    if scaling.mode == "External":
        wanted = service.spec.replicas or 0
        return Desire(current, wanted, Reason.EXTERNAL_REPLICAS, f"spec.replicas asks for {wanted}")
    start, limited_by = bounds.clamp(current)
    found = _unknown_load(service, load, start) or _by_load(service, load, sequences, bounds, foresight, start, now)
    return found if start == current else _into_bounds(current, start, limited_by, found)


def _create(service: Service, bounds: Bounds) -> Desire:
    if service.spec.scaling.mode == "External":
        wanted = service.spec.replicas or 0
        return Desire(0, wanted, Reason.CREATING, f"starts with {wanted} replicas, as spec.replicas asks for")
    message = f"starts with {bounds.minimum} replicas, the fewest allowed"
    by = (bounds.minimum_by,) if bounds.minimum_by is Limiter.NO_ACTIVATOR else ()
    return Desire(0, bounds.minimum, Reason.CREATING, message, limited_by=by)


def _into_bounds(current: int, start: int, limited_by: tuple[Limiter, ...], found: Desire) -> Desire:
    """A number outside the bounds moves to them at once, whatever the load, as HPA does, and from there by demand."""
    reason, word = (Reason.BELOW_MINIMUM, "fewest") if start > current else (Reason.ABOVE_MAXIMUM, "most")
    message = f"{current} replicas, {start} are the {word} allowed"
    if found.replicas != start:
        return replace(found, current=current, message=f"{message}; {found.message}")
    return replace(found, current=current, reason=reason, message=message, limited_by=limited_by)


def _unknown_load(service: Service, load: Load, current: int) -> Desire | None:
    """Holding, while nothing at all is known of the load."""
    if load.known:
        return None
    if load.serving == 0:
        reason, message = Reason.NO_READY_REPLICAS, "no replica is ready: the load is not known"
    elif load.faults >= load.serving:
        reason, message = Reason.FAULT_IS_NOT_LOAD, f"none of the {load.serving} ready replicas answers: a fault"
    else:
        problem = service.metrics_problem or "none is fresh"
        reason, message = Reason.METRICS_UNAVAILABLE, f"no metrics of the {load.serving} ready replicas: {problem}"
    return Desire(current, current, reason, message, proposals=service.memory.proposals)


def _by_load(
    service: Service,
    load: Load,
    sequences: int,
    bounds: Bounds,
    foresight: Foresight | None,
    current: int,
    now: float,
) -> Desire:
    signals = read_signals(load, sequences, service.spec.scaling.targets)
    if foresight is None:
        return _by_demand(service, load, signals, bounds, current, now)
    planned = _by_plan(service, load, signals, foresight, bounds, current, now)
    if foresight.outlook.trusted:
        return planned
    reactive = _by_demand(service, load, signals, bounds, current, now)
    if reactive.replicas <= planned.replicas:
        return planned
    surprise = "what was foretold is not what happened, so the reactive rule counts"
    return replace(
        reactive,
        message=f"{surprise}: {reactive.message}",
        outlook=foresight.outlook,
        proposals=planned.proposals,
    )


def _by_plan(
    service: Service,
    load: Load,
    signals: tuple[Signal, ...],
    foresight: Foresight,
    bounds: Bounds,
    current: int,
    now: float,
) -> Desire:
    """The planned number. Sooner than a start-up time nothing could come back, so for so long nothing goes."""
    within = windows(service.spec.scaling.behavior, default_down=math.ceil(foresight.outlook.startup_seconds))
    proposed = propose_planned(current, foresight.replicas, load)
    message = explain_outlook(foresight)
    whole = Desire(
        *(current, current, proposed.reason, f"{message}; {proposed.message}" if proposed.message else message),
        signals=signals,
        outlook=foresight.outlook,
    )
    return _settle(whole, service, proposed, bounds, within, now)


def _by_demand(
    service: Service, load: Load, signals: tuple[Signal, ...], bounds: Bounds, current: int, now: float
) -> Desire:
    behavior = service.spec.scaling.behavior
    signal = strongest(signals)
    proposed = propose(current, signal.replicas, load, behavior)
    whole = Desire(current, current, proposed.reason, _explain(proposed, signal), signal, signals)
    return _settle(whole, service, proposed, bounds, windows(behavior, DEFAULT_DOWN_SECONDS), now)


def _settle(whole: Desire, service: Service, proposed: Proposed, bounds: Bounds, within: Windows, now: float) -> Desire:
    """A proposal within windows, bounds and policies."""
    current = whole.current
    proposals = remember(service.memory, current, proposed.replicas, within, now)
    replicas, limited_by = _limit(service, proposals, proposed.replicas, bounds, within, current, now)
    whole = replace(whole, replicas=replicas, limited_by=limited_by, proposals=proposals)
    if proposed.replicas != current and bounds.clamp(proposed.replicas)[0] == current:
        return _at_bound(whole, proposed.replicas, bounds)
    if replicas < current and service.workload is not None and not service.workload.rolled_out:
        held = f"{whole.message}; nothing is removed while a rollout is under way"
        return replace(whole, replicas=current, reason=Reason.ROLLOUT_IN_PROGRESS, message=held)
    return whole


def _at_bound(found: Desire, asked: int, bounds: Bounds) -> Desire:
    """At the bound that demand pushes against, no window or policy matters."""
    current, (_, by) = found.current, bounds.clamp(asked)
    reason, word = (Reason.AT_MINIMUM, "fewest") if asked < current else (Reason.AT_MAXIMUM, "most")
    message = f"{found.message}; {current} is the {word} allowed"
    return replace(found, replicas=current, reason=reason, message=message, limited_by=by)


def _limit(
    service: Service,
    proposals: tuple[Proposal, ...],
    proposed: int,
    bounds: Bounds,
    within: Windows,
    current: int,
    now: float,
) -> tuple[int, tuple[Limiter, ...]]:
    """Windows, then bounds, then policies; every limit that moved the number is named."""
    behavior, events = service.spec.scaling.behavior, service.memory.events
    stable = stabilize(proposals, current, proposed, within, now)
    limiters = [Limiter.STABILIZATION] if stable != proposed else []
    bounded, by = bounds.clamp(stable)
    limiters += by
    most = up_limit(behavior, events, current, now)
    fewest = down_limit(behavior, events, current, now)
    if bounded > most:
        return most, (*limiters, Limiter.SCALE_UP_POLICY)
    if bounded < fewest:
        return fewest, (*limiters, Limiter.SCALE_DOWN_POLICY)
    return bounded, tuple(limiters)


def _explain(proposed: Proposed, signal: Signal) -> str:
    asks = (
        f"{signal.name} asks for {signal.replicas:.2f} replicas "
        f"({signal.value:.4g} {signal.unit}, target {signal.target:.4g})"
    )
    return f"{asks}; {proposed.message}" if proposed.message else asks


def explain_outlook(foresight: Foresight) -> str:
    """The choice in one line, with the next smaller number beside it."""
    seen = foresight.outlook
    by_number = {option.replicas: option for option in seen.options}
    chosen, fewer = by_number[foresight.replicas], by_number.get(foresight.replicas - 1)
    beside = f", {fewer.replicas} would leave {fewer.good_rate:.1%}" if fewer is not None else ""
    return (
        f"{seen.expected_per_second:.3g} requests/s are expected over {seen.horizon_seconds:.0f} s, work for "
        f"{seen.work_replicas:.2f} replicas; {chosen.replicas} leave {chosen.good_rate:.1%} good{beside} "
        f"(goal {seen.goal:.1%})"
    )
