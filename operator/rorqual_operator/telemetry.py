"""The operator's own metrics. Gauges are made from the last round when they are asked for, so that a service that
is gone leaves no series behind."""

from collections.abc import Callable, Iterable, Iterator, Set

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from rorqual_engine.plan import Apply, Command, Hold, ServicePlan, Verdict
from rorqual_engine.snapshot import Node, Quantiles, Service, ServiceKey
from rorqual_engine.units import duration_seconds
from rorqual_operator.act.conditions import claims
from rorqual_operator.kube import Kube
from rorqual_operator.loop import Round
from rorqual_operator.monitoring import catalog
from rorqual_operator.monitoring.catalog import Metric

Values = tuple[str, ...]
Point = tuple[Metric, Values, float]

FORECAST = "Forecast"
"""The signal of predictive scaling: replicas' worth of work that is expected."""
QUANTILES = (("0.5", "p50"), ("0.9", "p90"), ("0.95", "p95"), ("0.99", "p99"))


class Telemetry:
    """Told of every round and command; collected by Prometheus."""

    def __init__(self, kube: Kube, leading: Callable[[], bool], sources_up: Callable[[], dict[str, bool]]) -> None:
        self.registry = CollectorRegistry()
        self.last: Round | None = None
        self._kube, self._leading, self._sources_up = kube, leading, sources_up
        self._ticks = Counter(*_counter(catalog.TICKS), registry=self.registry)
        self._durations = Histogram(catalog.TICK_DURATION.name, catalog.TICK_DURATION.help, registry=self.registry)
        self._decisions = Counter(*_counter(catalog.DECISIONS), registry=self.registry)
        self._held: dict[ServiceKey, Hold] = {}
        self._counted: dict[ServiceKey, set[Values]] = {}
        self.registry.register(_Gauges(self))
        ProcessCollector(registry=self.registry)

    def round_done(self, done: Round) -> None:
        self.last = done
        self._forget(done.observation.objects.keys())
        self._ticks.labels("failed_in_part" if done.failures else "done").inc()
        self._durations.observe(done.ended_at - done.started_at)

    def round_failed(self, error: Exception) -> None:
        self._ticks.labels(type(error).__name__).inc()

    def command_done(self, key: ServiceKey, command: Command) -> None:
        """Counts a decision: a hold when it begins, an apply never, since one comes with every round."""
        if isinstance(command, Hold):
            held = self._held.get(key)
            self._held[key] = command
            if held is not None and held.reason == command.reason:
                return
        elif isinstance(command, Apply):
            return
        else:
            self._held.pop(key, None)
        labels = (key.namespace, key.name, type(command).__name__, str(command.reason))
        self._counted.setdefault(key, set()).add(labels)
        self._decisions.labels(*labels).inc()

    def _forget(self, alive: Set[ServiceKey]) -> None:
        """Drops the counts of services that are gone, else they would pile up for ever."""
        for key in self._counted.keys() - alive:
            for labels in self._counted.pop(key):
                self._decisions.remove(*labels)
        self._held = {key: held for key, held in self._held.items() if key in alive}

    def points(self) -> Iterator[Point]:
        """Every gauge and mirrored count as of now."""
        yield catalog.LEADER, (), float(self._leading())
        for source, up in self._sources_up().items():
            yield catalog.METRICS_SOURCE_UP, (source,), float(up)
        if self.last:
            yield catalog.LAST_TICK, (), self.last.ended_at
            yield from _gpus(self.last.observation.snapshot.nodes)
            for service in self.last.observation.snapshot.services:
                yield from _service(service, self.last.plans[service.key], self.last.started_at)

    def counts(self) -> Iterator[Point]:
        for writes, number in self._kube.writes.items():
            yield catalog.KUBERNETES_WRITES, writes, float(number)
        for errors, number in self._kube.errors.items():
            yield catalog.KUBERNETES_ERRORS, errors, float(number)


def _counter(metric: Metric) -> tuple[str, str, tuple[str, ...]]:
    return metric.name.removesuffix("_total"), metric.help, metric.labels


class _Gauges(Collector):
    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def collect(self) -> Iterable[GaugeMetricFamily | CounterMetricFamily]:
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
        for metric, values, value in self._telemetry.points():
            family = families.setdefault(metric.name, GaugeMetricFamily(metric.name, metric.help, labels=metric.labels))
            family.add_metric(values, value)
        for metric, values, value in self._telemetry.counts():
            name = metric.name.removesuffix("_total")
            family = families.setdefault(metric.name, CounterMetricFamily(name, metric.help, labels=metric.labels))
            family.add_metric(values, value)
        return families.values()


def _gpus(nodes: Iterable[Node]) -> Iterator[Point]:
    totals: dict[str, list[int]] = {}
    for node in nodes:
        if node.gpu:
            total = totals.setdefault(node.gpu, [0, 0, 0])
            for place, number in enumerate((node.gpus, node.gpus_used, node.gpus_free)):
                total[place] += number
    for gpu, numbers in totals.items():
        for state, number in zip(("total", "used", "free"), numbers, strict=True):
            yield catalog.GPUS, (gpu, state), number


def _service(service: Service, plan: ServicePlan, now: float) -> Iterator[Point]:
    name = (service.key.namespace, service.key.name)
    pods = [pod for pod in service.pods if not pod.terminating]
    ready = sum(pod.serving for pod in pods)
    current = service.workload.replicas if service.workload else 0
    for state, number in (
        ("desired", plan.desired_replicas), ("ready", ready), ("starting", len(pods) - ready), ("current", current),
    ):  # fmt: skip
        yield catalog.SERVICE_REPLICAS, (*name, state), number
    for signal, replicas in _demand(plan):
        yield catalog.SERVICE_DEMAND, (*name, signal), replicas
    for verdict in Verdict:
        yield catalog.SERVICE_VERDICT, (*name, verdict), float(plan.health.verdict is verdict)
    if service.unusual.score is not None and service.unusual.limit is not None:
        yield catalog.SERVICE_ANOMALY_SCORE, name, service.unusual.score
        yield catalog.SERVICE_ANOMALY_LIMIT, name, service.unusual.limit
    for claim in claims(service, plan):
        for status in ("True", "False", "Unknown"):
            yield catalog.SERVICE_CONDITION, (*name, claim.type, status), float(claim.status == status)
    yield from _figures(name, service, now)
    yield from _latencies(name, service)


def _demand(plan: ServicePlan) -> Iterator[tuple[str, float]]:
    """What the rules that decide ask for: what others would ask for is no unmet demand."""
    if plan.outlook is not None:
        yield FORECAST, plan.outlook.work_replicas
    if plan.outlook is None or not plan.outlook.trusted:
        yield from ((signal.name, signal.replicas) for signal in plan.signals)


def _figures(name: Values, service: Service, now: float) -> Iterator[Point]:
    known = [pod.metrics for pod in service.pods if pod.serving and pod.metrics]
    if not known:
        return
    yield catalog.SERVICE_METRICS_AGE, name, max(found.age_seconds(now) for found in known)
    yield catalog.SERVICE_REQUESTS, (*name, "running"), sum(found.running for found in known)
    yield catalog.SERVICE_REQUESTS, (*name, "waiting"), sum(found.waiting for found in known)
    uses = [found.kv_use for found in known if found.kv_use is not None]
    if uses:
        yield catalog.SERVICE_KV_USE, name, sum(uses) / len(uses)


def _latencies(name: Values, service: Service) -> Iterator[Point]:
    objectives = service.spec.objectives
    for metric, objective, quantiles, bounds in (
        (catalog.SERVICE_TTFT, "ttft", service.service_ttft, objectives.ttft),
        (catalog.SERVICE_TPOT, "tpot", service.service_tpot, objectives.tpot),
    ):
        for label, field in QUANTILES:
            observed = _quantile(quantiles, field)
            if observed is not None:
                yield metric, (*name, label), observed
            bound = getattr(bounds, field) if bounds else None
            if bound:
                yield catalog.SERVICE_OBJECTIVE, (*name, objective, label), duration_seconds(bound)


def _quantile(quantiles: Quantiles, field: str) -> float | None:
    value: float | None = getattr(quantiles, f"{field}_seconds")
    return value
