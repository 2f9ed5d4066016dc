"""What services have in common: a node, or a GPU type, on which pods of several are at fault, and none is well."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from rorqual_engine.detection.verdict import Diagnosis
from rorqual_engine.plan import Advice, Scope, Verdict
from rorqual_engine.snapshot import Pod, Service, ServiceKey

LEAST_SERVICES = 2
"""With pods at fault in a place before it is named; of one service alone, its own diagnosis tells."""
LEAST_NODES = 2
"""With pods at fault before their GPU type is named."""

Case = tuple[Service, Diagnosis]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of place that pods share."""

    scope: Scope
    of: Callable[[Pod], str | None]
    word: str
    advice: Advice
    closer: frozenset[Scope]
    """Scopes that explain a fault better."""


NODE = _Kind(Scope.NODE, attrgetter("node"), "node", Advice.CORDON_NODE, frozenset({Scope.VERSION}))
GPU_TYPE = _Kind(
    Scope.GPU_TYPE, attrgetter("gpu_product"), "GPU type", Advice.LOOK, frozenset({Scope.VERSION, Scope.NODE})
)


@dataclass(slots=True)
class _Tenants:
    """Of one place."""

    ailing: set[ServiceKey] = field(default_factory=set)
    """Services whose pods at fault are all here."""
    nodes: set[str] = field(default_factory=set)
    """On which those pods are."""
    well: bool = False
    """Whether a pod in it works as it should."""


def blame_shared(services: Sequence[Service], diagnoses: Sequence[Diagnosis]) -> list[Diagnosis]:
    """The diagnoses, with the place instead of pods where it is what several services' faults share.

    A node before a GPU type; that needs pods at fault on several nodes, and well ones on another type.
    """
    if sum(bool(_at_fault(one)) for one in diagnoses) < LEAST_SERVICES:
        return list(diagnoses)
    cases = list(zip(services, diagnoses, strict=True))
    nodes = _tenants(cases, NODE)
    cases = [_blamed(case, NODE, nodes) for case in cases]
    types = _tenants(cases, GPU_TYPE)
    if any(one.well for one in types.values()):
        spread = {name: one for name, one in types.items() if len(one.nodes) >= LEAST_NODES}
        cases = [_blamed(case, GPU_TYPE, spread) for case in cases]
    return [one for _, one in cases]


def _at_fault(one: Diagnosis) -> frozenset[str]:
    """Pods at fault."""
    if one.health.verdict is not Verdict.FAULT:
        return frozenset()
    return one.faulty_pods | {entry.pod for entry in one.health.evidence if entry.pod is not None}


def _tenants(pairs: Iterable[Case], kind: _Kind) -> dict[str, _Tenants]:
    found: dict[str, _Tenants] = defaultdict(_Tenants)
    for service, one in pairs:
        suffering = _at_fault(one)
        place = _only_place(service, one, kind)
        if place is not None:
            found[place].ailing.add(service.key)
            found[place].nodes |= {pod.node for pod in service.pods if pod.name in suffering and pod.node is not None}
        if one.health.verdict in (Verdict.IDLE, Verdict.UNKNOWN):
            continue  # pods that do nothing tell nothing
        for pod in service.pods:
            name = kind.of(pod)
            if name is not None and pod.serving and pod.name not in suffering:
                found[name].well = True
    return found


def _only_place(service: Service, one: Diagnosis, kind: _Kind) -> str | None:
    """The one that all of a service's pods at fault are in; None where something else explains them better."""
    if one.health.scope in kind.closer:
        return None
    suffering = _at_fault(one)
    places = {kind.of(pod) for pod in service.pods if pod.name in suffering}
    return places.pop() if len(places) == 1 else None


def _blamed(case: Case, kind: _Kind, places: Mapping[str, _Tenants]) -> Case:
    service, one = case
    name = _only_place(service, one, kind)
    place = places.get(name) if name is not None else None
    if name is None or place is None or place.well or len(place.ailing) < LEAST_SERVICES:
        return case
    others = ", ".join(str(key) for key in sorted(place.ailing - {service.key}))
    message = f"{one.health.message}; on {kind.word} {name} pods of {others} are at fault, too, and none is well"
    health = replace(one.health, message=message, scope=kind.scope, where=(name,), advice=kind.advice)
    return service, replace(one, health=health)
