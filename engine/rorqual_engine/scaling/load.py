"""The load of a service's replicas, and how much of it is known."""

from collections.abc import Collection
from dataclasses import dataclass

from rorqual_engine.snapshot import EngineMetrics, Service


@dataclass(frozen=True, slots=True)
class Load:
    """What the replicas of one service report."""

    healthy: tuple[EngineMetrics, ...] = ()
    """Of ready pods without a fault."""
    faulty: tuple[EngineMetrics, ...] = ()
    """Of ready pods with a fault that report nonetheless."""
    missing: int = 0
    """Ready pods without fresh metrics."""
    faults: int = 0
    """Pods with a fault, whatever their state."""
    serving: int = 0
    """Ready pods."""
    starting: frozenset[str] = frozenset()
    """Pods that are not ready yet and not at fault, by name."""

    @property
    def known(self) -> tuple[EngineMetrics, ...]:
        return self.healthy + self.faulty


def read_load(service: Service, faulty: Collection[str], now: float) -> Load:
    """The load by pod; `faulty` names the pods with a fault."""
    serving = [pod for pod in service.pods if pod.serving]
    samples = [(pod.name in faulty, pod.fresh_metrics(now)) for pod in serving]
    return Load(
        healthy=tuple(metrics for fault, metrics in samples if metrics is not None and not fault),
        faulty=tuple(metrics for fault, metrics in samples if metrics is not None and fault),
        missing=sum(metrics is None for _, metrics in samples),
        faults=sum(pod.name in faulty for pod in service.pods if not pod.terminating),
        serving=len(serving),
        starting=frozenset(
            pod.name for pod in service.pods if not (pod.serving or pod.terminating or pod.name in faulty)
        ),
    )
