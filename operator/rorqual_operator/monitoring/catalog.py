"""Every metric that the operator exports: the one table that telemetry, dashboards, alerts and the docs share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SERVICE = ("namespace", "name")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family as Prometheus sees it: counters end in ``_total``, units stand in the name."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Labels whose values are a closed set, with that set."""


TICK_DURATION = Metric(
    "rorqual_tick_duration_seconds",
    "histogram",
    "Time that one pass over all services took: observe, decide, act.",
)
LAST_TICK = Metric(
    "rorqual_last_tick_timestamp_seconds",
    "gauge",
    "When the last pass ended, in seconds since the epoch.",
)
TICKS = Metric("rorqual_ticks_total", "counter", "Passes that ended, by outcome.", ("outcome",))
LEADER = Metric("rorqual_leader", "gauge", "1 while this process holds the Lease and decides, else 0.")

SERVICE_REPLICAS = Metric(
    "rorqual_service_replicas",
    "gauge",
    "Replicas of a service: wanted, serving, starting, and asked of the Deployment now.",
    (*SERVICE, "state"),
    {"state": ("desired", "ready", "starting", "current")},
)
SERVICE_DEMAND = Metric(
    "rorqual_service_demand_replicas",
    "gauge",
    "Replicas that one signal alone asks for, unrounded, before any limit; Forecast: what expected work fills.",
    (*SERVICE, "signal"),
)
SERVICE_VERDICT = Metric(
    "rorqual_service_verdict",
    "gauge",
    "1 for the verdict on a service, 0 for the others.",
    (*SERVICE, "verdict"),
    {"verdict": ("Healthy", "Overload", "Fault", "Misconfigured", "Drift", "Idle", "Unknown")},
)
SERVICE_ANOMALY_SCORE = Metric(
    "rorqual_service_anomaly_score",
    "gauge",
    "How unlike its own history a service's metrics are, in the scale of its detector; beside its limit.",
    SERVICE,
)
SERVICE_ANOMALY_LIMIT = Metric(
    "rorqual_service_anomaly_limit",
    "gauge",
    "Score from which on, for two looks, a service's metrics count as unusual.",
    SERVICE,
)
SERVICE_CONDITION = Metric(
    "rorqual_service_condition",
    "gauge",
    "1 for the current status of a condition of the LLMService, 0 for the others.",
    (*SERVICE, "condition", "status"),
    {"status": ("True", "False", "Unknown")},
)
SERVICE_METRICS_AGE = Metric(
    "rorqual_service_metrics_age_seconds",
    "gauge",
    "Age of the oldest engine sample that the last decision used.",
    SERVICE,
)
SERVICE_KV_USE = Metric(
    "rorqual_service_kv_cache_use_ratio",
    "gauge",
    "Mean share of the KV cache in use over a service's replicas, 0 to 1.",
    SERVICE,
)
SERVICE_REQUESTS = Metric(
    "rorqual_service_requests",
    "gauge",
    "Requests in a service's engines: being worked on, and queued.",
    (*SERVICE, "state"),
    {"state": ("running", "waiting")},
)
SERVICE_TTFT = Metric(
    "rorqual_service_ttft_seconds",
    "gauge",
    "Time to first token over the metrics window, by quantile, over all replicas together.",
    (*SERVICE, "quantile"),
)
SERVICE_TPOT = Metric(
    "rorqual_service_tpot_seconds",
    "gauge",
    "Time per output token after the first over the metrics window, by quantile, over all replicas together.",
    (*SERVICE, "quantile"),
)
SERVICE_OBJECTIVE = Metric(
    "rorqual_service_objective_seconds",
    "gauge",
    "Upper bound that the LLMService sets for a latency at a quantile.",
    (*SERVICE, "objective", "quantile"),
    {"objective": ("ttft", "tpot")},
)

DECISIONS = Metric(
    "rorqual_decisions_total",
    "counter",
    "Decisions by action and reason; the reasons are those of conditions and Events.",
    (*SERVICE, "action", "reason"),
)
GPUS = Metric(
    "rorqual_gpus",
    "gauge",
    "GPUs of the cluster by product.",
    ("gpu", "state"),
    {"state": ("total", "used", "free")},
)
KUBERNETES_WRITES = Metric(
    "rorqual_kubernetes_writes_total",
    "counter",
    "Requests to the Kubernetes API that change something.",
    ("verb", "resource"),
)
KUBERNETES_ERRORS = Metric(
    "rorqual_kubernetes_errors_total",
    "counter",
    "Requests to the Kubernetes API that failed, by the API's reason.",
    ("resource", "reason"),
)
METRICS_SOURCE_UP = Metric(
    "rorqual_metrics_source_up",
    "gauge",
    "1 while a source of engine metrics answers, else 0.",
    ("source",),
    {"source": ("prometheus", "scrape")},
)

METRICS: tuple[Metric, ...] = (
    TICK_DURATION,
    LAST_TICK,
    TICKS,
    LEADER,
    SERVICE_REPLICAS,
    SERVICE_DEMAND,
    SERVICE_VERDICT,
    SERVICE_ANOMALY_SCORE,
    SERVICE_ANOMALY_LIMIT,
    SERVICE_CONDITION,
    SERVICE_METRICS_AGE,
    SERVICE_KV_USE,
    SERVICE_REQUESTS,
    SERVICE_TTFT,
    SERVICE_TPOT,
    SERVICE_OBJECTIVE,
    DECISIONS,
    GPUS,
    KUBERNETES_WRITES,
    KUBERNETES_ERRORS,
    METRICS_SOURCE_UP,
)
"""In the order of the docs."""
