"""Series under an engine's own names -> a Sample; Samples over a window -> EngineMetrics.

Counters are cumulative and may start again from zero when an engine restarts; that is seen and counted as such.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from rorqual_engine.catalog import vllm_metrics as names
from rorqual_engine.snapshot import CacheConfig, EngineMetrics, Quantiles, seconds_alike
from rorqual_operator.observe.metrics.sample import Buckets, Sample

Series = tuple[str, Mapping[str, str], float]
"""Metric name, labels, value."""

_BUCKET = "_bucket"
TOKENS = ("prompt_tokens", "generation_tokens")


def to_sample(observed_at: float, source: str, series: Iterable[Series]) -> Sample:
    """A Sample from the raw series of one pod; several engines in one pod are summed (KV use: averaged)."""
    plain: dict[str, list[float]] = defaultdict(list)
    buckets: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    cache: CacheConfig | None = None
    for name, labels, value in series:
        if math.isnan(value):
            continue
        if name == names.CACHE_CONFIG:
            cache = _cache(labels) or cache
        elif name.endswith(_BUCKET) and "le" in labels:
            buckets[name.removesuffix(_BUCKET)][float(labels["le"])] += value
        else:
            plain[name].append(value)
    return Sample(
        observed_at,
        source,
        gauges={key: _gauge(key, plain[found]) for key, found in _present(names.GAUGES, plain)},
        counters={key: sum(plain[found]) for key, found in _present(names.COUNTERS, plain)},
        histograms={key: dict(buckets[found]) for key, found in _present(names.HISTOGRAMS, buckets)},
        cache=cache,
    )


def _present(table: Mapping[str, tuple[str, ...]], found: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    for key, candidates in table.items():
        for name in candidates:
            if name in found:
                yield key, name
                break


def _gauge(key: str, values: Sequence[float]) -> float:
    return sum(values) if key in names.SUMMED_GAUGES else sum(values) / len(values)


def _cache(labels: Mapping[str, str]) -> CacheConfig | None:
    try:
        return CacheConfig(int(labels["num_gpu_blocks"]), int(labels["block_size"]))
    except (KeyError, ValueError):
        return None  # "None" until the engine has profiled its memory


def increase(values: Sequence[float]) -> float:
    """Growth of a cumulative count over its readings; after a reset the new reading is the growth."""
    return sum(after - before if after >= before else after for before, after in pairwise(values))


def growth(readings: Sequence[Buckets]) -> dict[float, float]:
    """`increase` bucket by bucket, over the bounds that all readings share. A reset resets every bucket at once."""
    if len(readings) < 2:
        return {}
    bounds = sorted(set(readings[0]).intersection(*readings[1:]))
    total: dict[float, float] = dict.fromkeys(bounds, 0.0)
    for before, after in pairwise(readings):
        reset = any(after[bound] < before[bound] for bound in bounds)
        for bound in bounds:
            total[bound] += after[bound] - (0.0 if reset else before[bound])
    return total


def quantile(q: float, buckets: Buckets) -> float | None:
    """The q-quantile of a cumulative histogram, linear within a bucket, as PromQL's histogram_quantile.

    None when it is empty. In the last, unbounded bucket the greatest finite bound is given.
    """
    bounds = sorted(buckets)
    if len(bounds) < 2 or not math.isinf(bounds[-1]) or buckets[bounds[-1]] <= 0:
        return None
    rank = q * buckets[bounds[-1]]
    lower, below = 0.0, 0.0
    for bound in bounds[:-1]:
        if buckets[bound] >= rank:
            inside = buckets[bound] - below
            return lower + (bound - lower) * ((rank - below) / inside if inside > 0 else 1.0)
        lower, below = bound, buckets[bound]
    return bounds[-2]


def quantiles(buckets: Buckets) -> Quantiles:
    return Quantiles(*(quantile(q, buckets) for q in (0.5, 0.9, 0.95, 0.99)))


def merge(histograms: Iterable[Buckets]) -> dict[float, float]:
    """Several pods' histograms as one, over the bounds that all share."""
    readings = [reading for reading in histograms if reading]
    if not readings:
        return {}
    bounds = set(readings[0]).intersection(*readings[1:])
    return {bound: sum(reading[bound] for reading in readings) for bound in bounds}


def normalise(samples: Sequence[Sample]) -> EngineMetrics:
    """One engine's figures from its samples in a window, oldest first, at least one."""
    last = samples[-1]
    window = last.observed_at - samples[0].observed_at

    def grown(key: str) -> float | None:
        values = [sample.counters[key] for sample in samples if key in sample.counters]
        return increase(values) if window > 0 and len(values) > 1 else None

    def rate(key: str) -> float | None:
        growth = grown(key)
        return None if growth is None else growth / window

    seconds, tokens = grown("tpot_seconds"), grown("tpot_tokens")
    queries, hits = grown("prefix_queries"), grown("prefix_hits")

    return EngineMetrics(
        observed_at=last.observed_at,
        source=last.source,
        running=last.gauges["running"],
        waiting=last.gauges["waiting"],
        kv_use=last.gauges.get("kv_use"),
        window_seconds=window,
        requests_per_second=rate("requests"),
        prompt_tokens_per_second=rate("prompt_tokens"),
        generation_tokens_per_second=rate("generation_tokens"),
        preemptions_per_second=rate("preemptions"),
        prefix_hit_rate=min(1.0, hits / queries) if hits is not None and queries else None,
        ttft=quantiles(histogram(samples, "ttft")),
        tpot=quantiles(histogram(samples, "tpot")),
        tpot_mean_seconds=seconds / tokens if seconds is not None and tokens else None,
        queue_time=quantiles(histogram(samples, "queue_time")),
        stalled_seconds=_seconds_without_tokens(samples, _works),
        idle_seconds=_seconds_without_tokens(samples, _has_nothing),
        cache=last.cache,
    )


def _seconds_without_tokens(samples: Sequence[Sample], like: Callable[[Sample], bool]) -> float | None:
    """Since the last sample before which a token came, or that is not `like` that; None where tokens are not told."""
    if len(samples) < 2 or any(key not in one.counters for one in samples for key in TOKENS):
        return None
    return seconds_alike(
        (one.observed_at, tuple(one.counters[key] for key in TOKENS) if like(one) else None)
        for one in reversed(samples)
    )


def _works(sample: Sample) -> bool:
    return sample.gauges["running"] > 0


def _has_nothing(sample: Sample) -> bool:
    return sample.gauges["running"] == 0 and sample.gauges["waiting"] == 0


def histogram(samples: Sequence[Sample], key: str) -> dict[float, float]:
    """What a histogram grew by over the samples."""
    return growth([sample.histograms[key] for sample in samples if key in sample.histograms])
