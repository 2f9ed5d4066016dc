"""What the operator exports is what the catalog says, and of nothing that is gone."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from rorqual_engine.plan import Apply, GPUShortage, Health, Outlook, Reason, ScaleTo, ServicePlan, Signal, Verdict
from rorqual_engine.snapshot import Node, Quantiles, Service, ServiceKey, Snapshot, Unusual
from rorqual_operator.loop import Round
from rorqual_operator.monitoring.catalog import METRICS
from rorqual_operator.observe.world import Observation
from rorqual_operator.telemetry import Telemetry

from .builders import CONFIGURATION, GPU, KEY, NOW, hold, metrics, plan, pod, service, service_item, spec
from .fake_kube import FakeKube

OUTLOOK = Outlook(
    goal=0.95,
    arrivals_per_second=5.0,
    arrivals_deviation=0.3,
    expected_per_second=6.0,
    input_tokens=1000,
    output_tokens=100,
    prefix_hit_rate=0.0,
    request_seconds=0.3,
    work_replicas=1.8,
    waiting=0,
    ready=2,
    starting=0,
    startup_seconds=60,
    horizon_seconds=150,
    missed=0.0,
    slowness=1.0,
    price_seconds=5.0,
    options=(),
)
NAME = {"namespace": "llm", "name": "chat"}
SCALE = ScaleTo(1, 2, Reason.DEMAND_ABOVE_CAPACITY, "")


def telemetry(kube: FakeKube | None = None) -> Telemetry:
    return Telemetry(kube or FakeKube(), lambda: True, lambda: {"prometheus": False, "scrape": True})  # type: ignore[arg-type]


def done(*of: tuple[Service, ServicePlan], nodes: Iterable[Node] = (), failures: int = 0) -> Round:
    services = tuple(one for one, _ in of)
    objects = {one.key: service_item(one.key.name) for one in services}
    plans = {one.key: its for one, its in of}
    return Round(Observation(Snapshot(services, tuple(nodes)), objects), plans, NOW, NOW + 2, failures)


def value(of: Telemetry, name: str, labels: Mapping[str, str] = {}) -> float | None:
    return of.registry.get_sample_value(name, dict(labels))


def exported(of: Telemetry) -> dict[str, set[tuple[str, ...]]]:
    """Label names by name of series, as scraped."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for family in of.registry.collect():
        for sample in family.samples:
            found.setdefault(sample.name, set()).add(tuple(sorted(set(sample.labels) - {"le"})))
    return found


@pytest.fixture
def full() -> Telemetry:
    """After a round that has something to tell of every metric."""
    kube = FakeKube()
    kube.writes[("PATCH", "deployments")] = 3
    kube.errors[("pods", "Forbidden")] = 1
    subject = telemetry(kube)
    latency = Quantiles(0.1, 0.2, 0.3, 0.4)
    objectives = {"ttft": {"p95": "2s"}, "tpot": {"p50": "50ms"}}
    of = service(
        pod(metrics=metrics(kv_use=0.5)),
        spec=spec(objectives=objectives),
        service_ttft=latency,
        service_tpot=latency,
        unusual=Unusual(1.5, 2.5),
    )
    its = plan(SCALE, signals=(Signal("Concurrency", 10, 5, "requests", 1.6),))
    subject.round_done(done((of, its), nodes=[Node("n", GPU, 8, 1)]))
    subject.command_done(KEY, SCALE)
    return subject


def test_every_metric_of_the_catalog_is_exported_with_its_labels(full: Telemetry) -> None:
    found = exported(full)
    for metric in METRICS:
        name = f"{metric.name}_count" if metric.kind == "histogram" else metric.name
        assert found.get(name) == {tuple(sorted(metric.labels))}, metric.name


def test_nothing_else_is_exported(full: Telemetry) -> None:
    extra = ("_created", "_sum", "_bucket", "_count")
    bare = {name for name in exported(full) if not name.endswith(extra) and not name.startswith("process_")}
    assert bare <= {metric.name for metric in METRICS}


def test_types_and_values_are_those_of_the_catalog(full: Telemetry) -> None:
    families = {family.name: family for family in full.registry.collect()}
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        for label, values in metric.values.items():
            assert {sample.labels[label] for sample in family.samples} <= set(values)


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("rorqual_leader", {}, 1),
        ("rorqual_metrics_source_up", {"source": "prometheus"}, 0),
        ("rorqual_last_tick_timestamp_seconds", {}, NOW + 2),
        ("rorqual_tick_duration_seconds_sum", {}, 2),
        ("rorqual_service_demand_replicas", {**NAME, "signal": "Concurrency"}, 1.6),
        ("rorqual_service_verdict", {**NAME, "verdict": "Healthy"}, 1),
        ("rorqual_service_verdict", {**NAME, "verdict": "Fault"}, 0),
        ("rorqual_service_anomaly_score", NAME, 1.5),
        ("rorqual_service_anomaly_limit", NAME, 2.5),
        ("rorqual_service_condition", {**NAME, "condition": "Ready", "status": "True"}, 1),
        ("rorqual_service_condition", {**NAME, "condition": "Ready", "status": "Unknown"}, 0),
        ("rorqual_service_kv_cache_use_ratio", NAME, 0.5),
        ("rorqual_service_requests", {**NAME, "state": "running"}, 4),
        ("rorqual_service_ttft_seconds", {**NAME, "quantile": "0.95"}, 0.3),
        ("rorqual_service_objective_seconds", {**NAME, "objective": "ttft", "quantile": "0.95"}, 2),
        ("rorqual_service_objective_seconds", {**NAME, "objective": "tpot", "quantile": "0.5"}, 0.05),
        ("rorqual_kubernetes_writes_total", {"verb": "PATCH", "resource": "deployments"}, 3),
        ("rorqual_kubernetes_errors_total", {"resource": "pods", "reason": "Forbidden"}, 1),
    ],
)
def test_figures(full: Telemetry, name: str, labels: dict[str, str], expected: float) -> None:
    assert value(full, name, labels) == expected


def test_replicas_by_state() -> None:
    subject = telemetry()
    of = service(pod("a"), pod("b", ready=False), pod("c", terminating=True))
    subject.round_done(done((of, plan(desired=5))))
    states = ("desired", "ready", "starting", "current")
    assert [value(subject, "rorqual_service_replicas", {**NAME, "state": state}) for state in states] == [5, 1, 1, 3]


@pytest.mark.parametrize(("trusted", "queue"), [(True, None), (False, 7.0)])
def test_demand_is_what_the_deciding_rule_asks_for(trusted: bool, queue: float | None) -> None:
    """Else an alert would tell of replicas that the reactive rule misses, and nobody wants."""
    subject = telemetry()
    its = plan(SCALE, signals=(Signal("Queue", 90, 13, "requests", 7.0),), outlook=replace(OUTLOOK, trusted=trusted))
    subject.round_done(done((service(pod()), its)))
    demand = "rorqual_service_demand_replicas"
    assert value(subject, demand, {**NAME, "signal": "Forecast"}) == OUTLOOK.work_replicas
    assert value(subject, demand, {**NAME, "signal": "Queue"}) == queue


def test_age_is_that_of_the_oldest_sample() -> None:
    subject = telemetry()
    of = service(pod("a", metrics=metrics(observed_at=NOW - 3)), pod("b", metrics=metrics(observed_at=NOW - 7)))
    subject.round_done(done((of, plan())))
    assert value(subject, "rorqual_service_metrics_age_seconds", NAME) == 7


def test_service_without_metrics_shows_no_figures() -> None:
    subject = telemetry()
    subject.round_done(done((service(pod(metrics=None)), plan())))
    assert not {name for name in exported(subject) if name.startswith("rorqual_service_requests")}
    assert "rorqual_service_metrics_age_seconds" not in exported(subject)


def test_gpus_of_a_cordoned_node_do_not_hide_the_free_ones_elsewhere() -> None:
    subject = telemetry()
    nodes = [Node("free", GPU, 8, 0), Node("cordoned", GPU, 0, 4), Node("plain", None, 0, 0)]
    subject.round_done(done(nodes=nodes))
    found = [value(subject, "rorqual_gpus", {"gpu": GPU, "state": state}) for state in ("total", "used", "free")]
    assert found == [8, 4, 8]


def test_shortage_shows_as_a_condition() -> None:
    subject = telemetry()
    short = plan(shortage=GPUShortage(GPU, 4, 2, 1, 0, 8), health=Health(Verdict.IDLE, Reason.NO_REQUESTS, ""))
    subject.round_done(done((service(pod()), short)))
    labels = {**NAME, "condition": "CapacityAvailable", "status": "False"}
    assert value(subject, "rorqual_service_condition", labels) == 1


def test_rounds_by_outcome() -> None:
    subject = telemetry()
    subject.round_done(done())
    subject.round_done(done(failures=1))
    subject.round_failed(KeyError("spec"))
    outcomes = ("done", "failed_in_part", "KeyError")
    assert [value(subject, "rorqual_ticks_total", {"outcome": outcome}) for outcome in outcomes] == [1, 1, 1]


def series_of(of: Telemetry, name: str) -> list[Any]:
    return [
        sample for family in of.registry.collect() for sample in family.samples if sample.labels.get("name") == name
    ]


def test_service_that_is_gone_leaves_no_series() -> None:
    subject, other = telemetry(), service(pod(), key=ServiceKey("llm", "other"))
    subject.round_done(done((service(pod()), plan()), (other, plan())))
    subject.command_done(KEY, SCALE)
    subject.command_done(other.key, SCALE)
    assert series_of(subject, "chat")
    subject.round_done(done((other, plan())))
    assert series_of(subject, "chat") == []
    assert decided(subject, "ScaleTo", SCALE.reason, name="other") == 1


def decided(of: Telemetry, action: str, reason: str, name: str = "chat") -> float | None:
    labels = {"namespace": "llm", "name": name, "action": action, "reason": reason}
    return value(of, "rorqual_decisions_total", labels)


def test_hold_counts_once_while_it_lasts() -> None:
    subject = telemetry()
    for _ in range(3):
        subject.command_done(KEY, hold())
    assert decided(subject, "Hold", "AtTarget") == 1


def test_hold_counts_again_after_a_change() -> None:
    subject = telemetry()
    for command in (hold(), SCALE, hold(), hold(Reason.PAUSED), hold()):
        subject.command_done(KEY, command)
    assert decided(subject, "Hold", "AtTarget") == 3
    assert decided(subject, "Hold", "Paused") == 1
    assert decided(subject, "ScaleTo", "DemandAboveCapacity") == 1


def test_apply_of_every_round_does_not_count() -> None:
    subject = telemetry()
    subject.command_done(KEY, Apply(CONFIGURATION, 1, Reason.AT_TARGET))
    assert decided(subject, "Apply", "AtTarget") is None


def test_nothing_is_claimed_before_the_first_round() -> None:
    assert "rorqual_last_tick_timestamp_seconds" not in exported(telemetry())
