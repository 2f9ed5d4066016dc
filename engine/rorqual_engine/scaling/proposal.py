"""From demand to a number of replicas, before any limit: HPA's tolerance and its care with what is not known."""

import math
from dataclasses import dataclass

from rorqual_engine.api.spec import Behavior
from rorqual_engine.plan import Reason
from rorqual_engine.scaling.load import Load


@dataclass(frozen=True, slots=True)
class Proposed:
    """A number of replicas and why."""

    replicas: int
    reason: Reason
    message: str


def propose(current: int, demand: float, load: Load, behavior: Behavior) -> Proposed:
    """The number that `demand` (replicas at target load, by what is known) asks for.

    Replicas without fresh metrics count as idle when demand is above what there is, and as loaded to their target when
    it is below, so what is not known never moves anything. Demand is compared with all replicas asked for, so starting
    ones are not asked for twice.
    """
    up = 1 + behavior.scale_up.tolerance_percent / 100
    down = 1 - behavior.scale_down.tolerance_percent / 100
    if demand > current * up:
        return Proposed(replicas_for(demand), Reason.DEMAND_ABOVE_CAPACITY, "")
    if demand < current * down and replicas_for(demand) < current:
        return _propose_less(current, demand, load, down)
    reason = Reason.AT_TARGET if replicas_for(demand) == current else Reason.WITHIN_TOLERANCE
    return Proposed(current, reason, "")


def propose_planned(current: int, planned: int, load: Load) -> Proposed:
    """The planned number; not fewer than there are while a pod is at fault or not heard."""
    if planned > current:
        return Proposed(planned, Reason.DEMAND_ABOVE_CAPACITY, "")
    if planned == current:
        return Proposed(current, Reason.AT_TARGET, "")
    if load.faults:
        message = f"{_pods(load.faults)} at fault: nothing is removed until that is over"
        return Proposed(current, Reason.FAULT_IS_NOT_LOAD, message)
    if load.missing:
        message = f"{_pods(load.missing)} without fresh metrics: nothing is removed until that is over"
        return Proposed(current, Reason.METRICS_INCOMPLETE, message)
    return Proposed(planned, Reason.DEMAND_BELOW_CAPACITY, "")


def replicas_for(demand: float) -> int:
    """Whole replicas; a rounding error of the sum does not add one."""
    return math.ceil(demand - 1e-9)


def _propose_less(current: int, demand: float, load: Load, down: float) -> Proposed:
    if load.faults:
        message = f"{_pods(load.faults)} at fault: nothing is removed until that is over"
        return Proposed(current, Reason.FAULT_IS_NOT_LOAD, message)
    careful = demand + load.missing
    if careful < current * down and replicas_for(careful) < current:
        return Proposed(replicas_for(careful), Reason.DEMAND_BELOW_CAPACITY, "")
    if load.missing:
        message = f"{_pods(load.missing)} without fresh metrics: counted as loaded to the target"
        return Proposed(current, Reason.METRICS_INCOMPLETE, message)
    return Proposed(current, Reason.WITHIN_TOLERANCE, "")


def _pods(count: int) -> str:
    return f"{count} pod is" if count == 1 else f"{count} pods are"
