"""How many replicas each signal asks for. The greatest counts."""

import statistics
from collections.abc import Callable, Sequence

from rorqual_engine.api.spec import Targets
from rorqual_engine.plan import Signal
from rorqual_engine.scaling.load import Load
from rorqual_engine.snapshot import EngineMetrics


def read_signals(load: Load, sequences: int, targets: Targets) -> tuple[Signal, ...]:
    """Running, Queue and KVCache; `sequences` is what one replica works on at once.

    Running: requests worked on. Queue: those and the waiting ones, against what a replica really takes. KVCache: use of
    the cache, where reported. Each over its target; a faulty replica's own load counts as one replica at most, so that
    a fault never looks like growth.
    """
    concurrency = targets.concurrency_percent / 100
    kv_target = targets.kv_cache_percent / 100
    capacity = effective_capacity(load.known, sequences, kv_target)
    signals = [
        _signal("Running", "requests per replica", load, lambda one: one.running, sequences * concurrency),
        _signal("Queue", "requests per replica", load, lambda one: one.running + one.waiting, capacity * concurrency),
    ]
    if any(one.kv_use is not None for one in load.known):
        signals.append(_kv_signal(load, kv_target))
    return tuple(signals)


def effective_capacity(metrics: Sequence[EngineMetrics], sequences: int, kv_target: float) -> float:
    """Sequences that a replica really works on at once.

    A replica that has requests waiting while it runs fewer than it may, and whose KV cache is at its target, is bound
    by that cache: then the median of what such replicas run counts. Where the cache is not reported, a queue longer
    than what runs tells the same. A short queue alone does not: a new request waits for the next step.
    """
    bound = [one.running for one in metrics if _bound_by_cache(one, sequences, kv_target)]
    return max(1.0, statistics.median(bound)) if bound else float(sequences)


def _bound_by_cache(one: EngineMetrics, sequences: int, kv_target: float) -> bool:
    if one.waiting == 0 or one.running >= sequences:
        return False
    return one.waiting > one.running > 0 if one.kv_use is None else one.kv_use >= kv_target


def strongest(signals: Sequence[Signal]) -> Signal:
    """The signal that asks for most replicas; the first of equals."""
    return max(signals, key=lambda signal: signal.replicas)


def _signal(name: str, unit: str, load: Load, read: Callable[[EngineMetrics], float], target: float) -> Signal:
    healthy = [read(one) for one in load.healthy]
    faulty = [min(read(one), target) for one in load.faulty]
    total = sum(healthy) + sum(faulty)
    return Signal(name, value=total / len(load.known), target=target, unit=unit, replicas=total / target)


def _kv_signal(load: Load, target: float) -> Signal:
    """Replicas that do not report their cache are taken to be like the others."""
    healthy = [one.kv_use for one in load.healthy if one.kv_use is not None]
    faulty = [min(one.kv_use, target) for one in load.faulty if one.kv_use is not None]
    mean = statistics.fmean(healthy + faulty)
    return Signal("KVCache", value=mean, target=target, unit="share", replicas=mean * len(load.known) / target)
