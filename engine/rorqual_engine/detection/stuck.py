"""Replicas that hold requests and do nothing with them, or hold memory for nobody."""

from collections.abc import Sequence

from rorqual_engine.detection.pace import middle
from rorqual_engine.plan import Advice, Evidence, Reason, Symptom, Verdict
from rorqual_engine.snapshot import EngineMetrics, Heard, Pod, Service
from rorqual_engine.timing import Capability
from rorqual_engine.units import format_duration

STALLED_SECONDS = 15.0
"""Without a token; the longest single step, a prompt of a million tokens apart, is far shorter."""
UNEXPLAINED_CACHE = 0.2
"""Share of a KV cache in use beyond what its requests explain, from which on it counts."""
UNEXPLAINED_TIMES = 1.7
"""Factor that it must be, besides: requests differ in length."""
LEAK_SETTLE_SECONDS = 30.0


def find_stuck(heard: Sequence[Heard]) -> list[Symptom]:
    """Pods whose requests do not move."""
    return [_stuck(pod, metrics) for pod, metrics in heard if _stalled(metrics)]


def _stalled(metrics: EngineMetrics) -> bool:
    return metrics.running > 0 and (metrics.stalled_seconds or 0.0) >= STALLED_SECONDS


def _stuck(pod: Pod, metrics: EngineMetrics) -> Symptom:
    stalled = metrics.stalled_seconds or 0.0
    evidence = Evidence(
        metric="tokens",
        observed=f"none for {format_duration(stalled)} with {metrics.running:.0f} requests in hand",
        expected="some in every step",
        pod=pod.name,
    )
    return Symptom(*(Verdict.FAULT, Reason.NO_PROGRESS, evidence, stalled / STALLED_SECONDS), 0.0, Advice.RESTART_POD)


def find_leaks(service: Service, capability: Capability | None, heard: Sequence[Heard]) -> list[Symptom]:
    """Pods whose KV cache is fuller than their requests explain: by their siblings', or by the law where they rest."""
    reporting = [(pod, metrics) for pod, metrics in heard if metrics.kv_use is not None]
    if all((metrics.kv_use or 0.0) < UNEXPLAINED_CACHE for _, metrics in reporting):
        return []
    each = [(metrics.kv_use or 0.0) / metrics.running for _, metrics in reporting if metrics.running >= 1]
    least = min(each) if len(each) > 1 else 0.0
    found = []
    for pod, metrics in reporting:
        if (metrics.kv_use or 0.0) < UNEXPLAINED_TIMES * least * metrics.running:
            continue  # whatever its siblings explain, they explain that much
        explained = _explained(pod, metrics, reporting, service, capability)
        if explained is None or (metrics.kv_use or 0.0) < UNEXPLAINED_TIMES * explained:
            continue
        excess = (metrics.kv_use or 0.0) - explained
        if excess >= UNEXPLAINED_CACHE:
            found.append(_leak(pod, metrics, explained, excess))
    return found


def _explained(
    pod: Pod, metrics: EngineMetrics, reporting: Sequence[Heard], service: Service, capability: Capability | None
) -> float | None:
    """Share of the cache that so many requests use: what siblings use for one, times as many; at rest none."""
    if metrics.running == 0:
        return 0.0
    each = middle(
        [(other.kv_use or 0.0) / other.running for one, other in reporting if one is not pod and other.running >= 1]
    )
    if each is None and capability is not None:
        workload = service.spec.workload
        each = 2.0 * (workload.input_tokens + workload.output_tokens) / max(1, capability.kv_tokens)
    return None if each is None else each * metrics.running


def _leak(pod: Pod, metrics: EngineMetrics, explained: float, excess: float) -> Symptom:
    evidence = Evidence(
        metric="KV cache use",
        observed=f"{metrics.kv_use:.0%} with {metrics.running:.0f} requests in hand",
        expected=f"about {min(1.0, explained):.0%} for so many",
        pod=pod.name,
    )
    strength = excess / UNEXPLAINED_CACHE
    return Symptom(
        *(Verdict.FAULT, Reason.KV_CACHE_LEAKING, evidence, strength, LEAK_SETTLE_SECONDS),
        Advice.RESTART_POD,
    )
