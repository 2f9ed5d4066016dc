"""Fewest and most replicas that a service may have now."""

from dataclasses import dataclass

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Limiter, Stall
from rorqual_engine.scaling.schedules import active_schedule


@dataclass(frozen=True, slots=True)
class Bounds:
    """Inclusive, with what set each."""

    minimum: int
    maximum: int
    minimum_by: Limiter = Limiter.MIN_REPLICAS
    maximum_by: Limiter = Limiter.MAX_REPLICAS

    def clamp(self, replicas: int) -> tuple[int, tuple[Limiter, ...]]:
        """The nearest allowed number, and what moved it there."""
        if replicas < self.minimum:
            return self.minimum, (self.minimum_by,)
        if replicas > self.maximum:
            return self.maximum, (self.maximum_by,)
        return replicas, ()


def read_bounds(spec: LLMServiceSpec, gpu: str, now: float) -> Bounds | Stall:
    """The bounds of the spec, of the schedule that is in force, and of the hardware in use.

    The most replicas of the hardware come first, then the maximum, then the minimum. Zero is held at one, for nothing
    could wake the service yet.
    """
    schedule = active_schedule(spec.scaling.schedules, now)
    if isinstance(schedule, Stall):
        return schedule
    minimum, minimum_by = spec.scaling.min_replicas, Limiter.MIN_REPLICAS
    maximum, maximum_by = spec.scaling.max_replicas, Limiter.MAX_REPLICAS
    if schedule is not None and schedule.min_replicas is not None:
        minimum, minimum_by = schedule.min_replicas, Limiter.SCHEDULE
    if schedule is not None and schedule.max_replicas is not None:
        maximum, maximum_by = schedule.max_replicas, Limiter.SCHEDULE
    if minimum == 0:
        minimum, minimum_by = 1, Limiter.NO_ACTIVATOR
    hardware = spec.hardware_of(gpu)
    if hardware is not None and hardware.max_replicas is not None and hardware.max_replicas < maximum:
        maximum, maximum_by = hardware.max_replicas, Limiter.HARDWARE_MAX_REPLICAS
    return Bounds(min(minimum, maximum), maximum, minimum_by, maximum_by)
