"""What services have in common: a node on which pods of several are at fault, and none is well."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rorqual_engine.detection.verdict import Diagnosis
from rorqual_engine.plan import Advice, Scope, Verdict
from rorqual_engine.snapshot import Service, ServiceKey

LEAST_SERVICES = 2
"""With pods at fault on a node before it is named; of one service alone, its own diagnosis tells."""


@dataclass(slots=True)
class _Tenants:
    """Of one node."""

    ailing: set[ServiceKey] = field(default_factory=set)
    """Services whose pods at fault are all here."""
    well: bool = False
    """Whether a pod on it works as it should."""


def blame_nodes(services: Sequence[Service], diagnoses: Sequence[Diagnosis]) -> list[Diagnosis]:
    """The diagnoses, with the node in place of pods where it is what several services' faults share."""
    if sum(bool(_suffering(one)) for one in diagnoses) < LEAST_SERVICES:
        return list(diagnoses)
    pairs = list(zip(services, diagnoses, strict=True))
    nodes = _nodes(pairs)
    return [_blamed(service, one, nodes) for service, one in pairs]


def _suffering(one: Diagnosis) -> frozenset[str]:
    """Pods at fault; none where it is a version's fault, which a node has no part in."""
    if one.health.verdict is not Verdict.FAULT or one.health.scope is Scope.VERSION:
        return frozenset()
    return one.faulty_pods | {entry.pod for entry in one.health.evidence if entry.pod is not None}


def _nodes(pairs: Iterable[tuple[Service, Diagnosis]]) -> dict[str, _Tenants]:
    found: dict[str, _Tenants] = defaultdict(_Tenants)
    for service, one in pairs:
        node = _only_node(service, one)
        if node is not None:
            found[node].ailing.add(service.key)
        if one.health.verdict in (Verdict.IDLE, Verdict.UNKNOWN):
            continue  # pods that do nothing tell nothing
        suffering = _suffering(one)
        for pod in service.pods:
            if pod.node is not None and pod.serving and pod.name not in suffering:
                found[pod.node].well = True
    return found


def _only_node(service: Service, one: Diagnosis) -> str | None:
    """The node that all of a service's pods at fault are on."""
    suffering = _suffering(one)
    nodes = {pod.node for pod in service.pods if pod.name in suffering}
    return nodes.pop() if len(nodes) == 1 else None


def _blamed(service: Service, one: Diagnosis, nodes: Mapping[str, _Tenants]) -> Diagnosis:
    node = _only_node(service, one)
    if node is None or nodes[node].well or len(nodes[node].ailing) < LEAST_SERVICES:
        return one
    others = ", ".join(str(key) for key in sorted(nodes[node].ailing - {service.key}))
    message = f"{one.health.message}; on node {node} pods of {others} are at fault, too, and none is well"
    health = replace(one.health, message=message, scope=Scope.NODE, where=(node,), advice=Advice.CORDON_NODE)
    return replace(one, health=health)
