"""The alerts: what is measured, when that is bad, what it means and what to do."""

from dataclasses import dataclass
from typing import Any, Literal

from rorqual_operator.monitoring import catalog
from rorqual_operator.monitoring.catalog import Metric
from rorqual_operator.monitoring.promql import select

SERVICE = "{{ $labels.namespace }}/{{ $labels.name }}"
QUANTILE = "quantile {{ $labels.quantile }}"
LOADING_MINUTES = 75
"""A rollout's progress deadline, as rendered: a model may take so long to be fetched and loaded."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert: it fires when `signal` with `condition` behind it has held for `minutes`.

    `signal` has a value while everything is well, so that a test can tell a quiet alert from a broken one.
    """

    name: str
    severity: Literal["critical", "warning"]
    signal: str
    condition: str
    minutes: int
    summary: str
    help: str
    """What it means and what to do, for people."""
    absent: bool = False
    """Fires when `signal` has no value instead; then there is no condition."""

    @property
    def expression(self) -> str:
        return f"absent({self.signal})" if self.absent else f"{self.signal} {self.condition}"


def _per_service(metric: Metric, *matchers: str) -> str:
    return f"max by (namespace, name) ({select(metric, *matchers)})"


def _condition(name: str, status: str) -> str:
    return _per_service(catalog.SERVICE_CONDITION, f'condition="{name}"', f'status="{status}"')


def _objective_ratio(metric: Metric, objective: str) -> str:
    labels = "(namespace, name, quantile)"
    bound = select(catalog.SERVICE_OBJECTIVE, f'objective="{objective}"')
    return f"max by {labels} ({metric.name}) / max by {labels} ({bound})"


def _failed_share() -> str:
    failed = select(catalog.TICKS, 'outcome!="done"')
    return f"(sum(rate({failed}[10m])) or vector(0)) / sum(rate({catalog.TICKS.name}[10m]))"


def _unmet_demand() -> str:
    wanted = _per_service(catalog.SERVICE_REPLICAS, 'state="desired"')
    return f"{_per_service(catalog.SERVICE_DEMAND)} - {wanted}"


def _not_serving() -> str:
    asked, serving = (_per_service(catalog.SERVICE_REPLICAS, f'state="{state}"') for state in ("current", "ready"))
    return f"{asked} - {serving}"


OPERATOR = (
    Alert(
        "RorqualAbsent",
        "critical",
        catalog.LEADER.name,
        "",
        5,
        "No Rorqual operator is scraped",
        "The operator is down, or Prometheus does not find it. Engines keep running with the replicas that they have; "
        "nothing is scaled. Look at the operator's pods, then at the ServiceMonitor.",
        absent=True,
    ),
    Alert(
        "RorqualNoLeader",
        "critical",
        f"sum({catalog.LEADER.name})",
        "== 0",
        2,
        "No Rorqual operator holds the Lease",
        "Operators run and none decides. Look at the Lease in the operator's namespace and at the operator's log for "
        "refusals of the API server.",
    ),
    Alert(
        "RorqualTickStale",
        "critical",
        f"time() - max({catalog.LAST_TICK.name})",
        "> 120",
        1,
        "Rorqual has finished no pass for {{ $value | humanizeDuration }}",
        "The leader is stuck or cannot reach the API server; its liveness probe should restart it. Look at its log.",
    ),
    Alert(
        "RorqualTicksFailing",
        "warning",
        _failed_share(),
        "> 0.5",
        15,
        "{{ $value | humanizePercentage }} of Rorqual's passes fail, at least for some services",
        "Each failure is in the operator's log, with the service it is about. Services that fail are left as they are.",
    ),
    Alert(
        "RorqualKubernetesErrors",
        "warning",
        f"(sum(rate({catalog.KUBERNETES_ERRORS.name}[10m])) or vector(0))",
        "> 0.1",
        15,
        "Kubernetes refuses {{ $value | humanize }} of Rorqual's requests per second",
        f"`{catalog.KUBERNETES_ERRORS.name}` tells resource and reason. Forbidden: compare the operator's role with "
        "the manifests. TooManyRequests: the API server is overloaded.",
    ),
)

SERVICES = (
    Alert(
        "RorqualServiceFault",
        "critical",
        _per_service(catalog.SERVICE_VERDICT, 'verdict="Fault"'),
        "== 1",
        5,
        f"{SERVICE} has a fault",
        "Replicas crash, do not answer, stand still or are slower than they ought to be: more of them would not help, "
        "and Rorqual adds none. `kubectl describe llm` shows the evidence by pod, and what would help.",
    ),
    Alert(
        "RorqualServiceMisconfigured",
        "warning",
        _per_service(catalog.SERVICE_VERDICT, 'verdict="Misconfigured"'),
        "== 1",
        10,
        f"{SERVICE} runs with a configuration that does not fit its load",
        "The KV cache is too small for so many sequences, or too few sequences hold back a load that the GPUs could "
        "serve. `kubectl describe llm` has the figures. Pins in spec.configuration are kept; let go of them, or change "
        "them.",
    ),
    Alert(
        "RorqualStalled",
        "critical",
        _condition("Stalled", "True"),
        "== 1",
        5,
        f"The spec of {SERVICE} cannot be carried out",
        "What runs is left as it is. The condition Stalled names what cannot be had, with the figures.",
    ),
    Alert(
        "RorqualTTFTObjectiveMissed",
        "warning",
        _objective_ratio(catalog.SERVICE_TTFT, "ttft"),
        "> 1",
        10,
        f"{SERVICE}: time to first token at {QUANTILE} is {{{{ $value | humanize }}}} times its objective",
        "The queue is too long or prompts are longer than planned for. Look at what limits scaling, "
        "and at the verdict: in a fault, replicas are missing.",
    ),
    Alert(
        "RorqualTPOTObjectiveMissed",
        "warning",
        _objective_ratio(catalog.SERVICE_TPOT, "tpot"),
        "> 1",
        10,
        f"{SERVICE}: time per output token at {QUANTILE} is {{{{ $value | humanize }}}} times its objective",
        "Too many sequences at once on one replica. Lower configuration.maxConcurrentSequences or its target, "
        "or allow more replicas.",
    ),
    Alert(
        "RorqualMetricsUnavailable",
        "warning",
        _condition("MetricsAvailable", "False"),
        "== 1",
        10,
        f"Rorqual has no metrics of {SERVICE}",
        "Its replicas are held where they are. The condition MetricsAvailable tells what was tried; "
        f"`{catalog.METRICS_SOURCE_UP.name}` tells which source answers.",
    ),
    Alert(
        "RorqualCapacityShort",
        "warning",
        _condition("CapacityAvailable", "False"),
        "== 1",
        15,
        f"{SERVICE} gets fewer GPUs than it wants",
        "The condition CapacityAvailable tells how many are wanted, free and there. Add nodes or another kind of GPU "
        "to spec.hardware, or raise the priority.",
    ),
    Alert(
        "RorqualScalingLimited",
        "warning",
        _unmet_demand(),
        ">= 1",
        30,
        f"The demand of {SERVICE} is {{{{ $value | humanize }}}} replicas above what it may have",
        "The condition ScalingLimited names the limit: most often scaling.maxReplicas, a schedule, or the GPUs that "
        "there are.",
    ),
    Alert(
        "RorqualReplicasNotServing",
        "warning",
        _not_serving(),
        "> 0",
        LOADING_MINUTES,
        f"{{{{ $value | humanize }}}} replicas of {SERVICE} do not come up",
        "For longer than a model may take to load. Pods that are Pending wait for a GPU or a volume, others fail while "
        "they load: look at their events and logs.",
    ),
)

ALERTS = (*OPERATOR, *SERVICES)


def rule(alert: Alert) -> dict[str, Any]:
    """The alert as Prometheus takes it."""
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": f"{alert.minutes}m",
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "description": alert.help},
    }


def groups() -> list[dict[str, Any]]:
    """Rule groups, as in a rule file or a PrometheusRule's spec."""
    return [
        {"name": "rorqual-operator", "rules": [rule(alert) for alert in OPERATOR]},
        {"name": "rorqual-services", "rules": [rule(alert) for alert in SERVICES]},
    ]
