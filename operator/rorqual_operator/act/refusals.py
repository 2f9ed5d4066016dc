"""What the API server refused, so that the same is not asked for at every round."""

from collections.abc import Container
from dataclasses import dataclass, replace

from rorqual_engine.plan import Hold, Reason, ServicePlan, Stall
from rorqual_engine.snapshot import Service, ServiceKey
from rorqual_operator.act.render import RenderError
from rorqual_operator.kube import KubeError

FIRST_PAUSE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 300.0
REFUSED_STATUS = (400, 403, 422)
"""Answers that the same request would get again: malformed, forbidden (quota, RBAC), invalid."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One service's refusal, and until when nothing is tried again."""

    generation: int
    stall: Stall
    pause_seconds: float
    until: float


class Refusals:
    """Refusals by service; one ends with a new generation of the spec or when what was refused is accepted."""

    def __init__(self) -> None:
        self._known: dict[ServiceKey, Refusal] = {}

    def standing(self, service: Service, now: float) -> Stall | None:
        """Why nothing is tried now; None when it may be."""
        known = self._known.get(service.key)
        if known is None or known.generation != service.generation or now >= known.until:
            return None
        return known.stall

    def add(self, service: Service, error: KubeError | RenderError, now: float) -> Stall:
        """Takes in a refusal; each one of the same spec doubles the pause."""
        known = self._known.get(service.key)
        repeated = known is not None and known.generation == service.generation
        pause = min(known.pause_seconds * 2, LONGEST_PAUSE_SECONDS) if known and repeated else FIRST_PAUSE_SECONDS
        stall = Stall(_reason(error), str(error))
        self._known[service.key] = Refusal(service.generation, stall, pause, now + pause)
        return stall

    def forget(self, alive: Container[ServiceKey]) -> None:
        """Drops the refusals of services that are gone."""
        self._known = {key: refusal for key, refusal in self._known.items() if key in alive}

    def clear(self, key: ServiceKey) -> None:
        self._known.pop(key, None)


def _reason(error: KubeError | RenderError) -> Reason:
    return Reason.INVALID_TEMPLATE if isinstance(error, RenderError) else Reason.REFUSED


def lasting(error: KubeError | RenderError) -> bool:
    """Whether trying again at once is of no use."""
    return isinstance(error, RenderError) or error.status in REFUSED_STATUS


def stalled(plan: ServicePlan, stall: Stall) -> ServicePlan:
    """The plan as it turned out: nothing done, and why."""
    return replace(plan, stall=stall, commands=(Hold(Reason.STALLED, stall.message),))
