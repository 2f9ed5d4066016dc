"""What symptoms have in common: one pod, one node, one version, or nothing but the service."""

from collections.abc import Collection, Iterable
from operator import attrgetter

from rorqual_engine.plan import Advice, Scope
from rorqual_engine.snapshot import Pod, Service

LEAST_PODS = 2
"""Of a node or a version that all suffer, while others are well, before it is named instead of them."""


def locate(service: Service, pods: Collection[str]) -> tuple[Scope, tuple[str, ...]]:
    """The narrowest thing that the named pods share and no other serving pod has; nodes that are ill come first."""
    suffering = [pod for pod in service.pods if pod.name in pods]
    well = [pod for pod in service.pods if pod.serving and pod.name not in pods]
    if not suffering:
        return Scope.SERVICE, ()
    if all(pod.node_problem for pod in suffering):
        return nodes_of(suffering)
    if len(suffering) >= LEAST_PODS:
        for scope, name in ((Scope.NODE, attrgetter("node")), (Scope.VERSION, attrgetter("version"))):
            shared = {name(pod) for pod in suffering}
            (one,) = shared if len(shared) == 1 else (None,)
            if one is not None and well and one not in {name(pod) for pod in well}:
                return scope, (one,)
        if not well:
            return Scope.SERVICE, ()
    return Scope.POD, tuple(pod.name for pod in suffering)


def nodes_of(pods: Iterable[Pod]) -> tuple[Scope, tuple[str, ...]]:
    """The nodes that pods are on."""
    return Scope.NODE, tuple(sorted({pod.node for pod in pods if pod.node is not None}))


def advise(of_a_pod: Advice, scope: Scope) -> Advice:
    """What would help a pod alone, unless it is the node."""
    return Advice.CORDON_NODE if scope is Scope.NODE else of_a_pod
