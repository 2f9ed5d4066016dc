"""What a service's engines did from round to round, whenever each of them was scraped."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rorqual_engine.snapshot import Growth
from rorqual_operator.observe.metrics.normalise import growth as histogram_growth
from rorqual_operator.observe.metrics.sample import Buckets, Sample
from rorqual_operator.observe.reflector import Key

PATIENCE_SECONDS = 60.0
"""So long the pods that have newer samples wait for those that have none."""
_COUNTERS = ("requests", "prompt_tokens", "generation_tokens", "prefix_queries", "prefix_hits")


@dataclass(slots=True)
class _Pending:
    """One pod's growth that no round has told yet."""

    since: float | None
    """Of the sample that it is counted from; None from the pod's beginning on."""
    waits_since: float
    at: float
    arrived: float = 0.0
    counts: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    histograms: dict[str, dict[float, float]] = field(default_factory=dict)


class Steps:
    """Keeps each pod's last sample, and adds up how it grew until its service is asked for."""

    def __init__(self) -> None:
        self._last: dict[Key, Sample] = {}
        self._pending: dict[Key, _Pending] = {}
        self._young: set[Key] = set()

    def take(self, samples: Mapping[Key, Sample], known: Iterable[Key], starting: Iterable[Key] = ()) -> None:
        """A round's samples. Pods that are not `known` any more are forgotten.

        A pod that was seen `starting` counts from zero; of another the first sample says nothing of when.
        """
        keep = set(known)
        self._young = (self._young | set(starting)) & keep
        self._last = {pod: last for pod, last in self._last.items() if pod in keep}
        self._pending = {pod: grown for pod, grown in self._pending.items() if pod in keep}
        for pod, sample in samples.items():
            self._step(pod, sample)

    def growth(self, pods: Sequence[Key], now: float) -> Growth | None:
        """Of these pods together since they were last asked for; None while some that are scraped have nothing newer.

        Rows of some pods alone would look like waves in the load.
        """
        grown = [self._pending[pod] for pod in pods if pod in self._pending]
        scraped = [pod for pod in pods if pod in self._last]
        if not grown or (len(grown) < len(scraped) and now - min(one.waits_since for one in grown) < PATIENCE_SECONDS):
            return None
        for pod in pods:
            self._pending.pop(pod, None)
        at = sum(one.at for one in grown) / len(grown)
        begun = sorted(one.at - one.since for one in grown if one.since is not None)
        span = begun[(len(begun) - 1) // 2] if begun else 0.0
        parts = [(one, _part(one, span)) for one in grown]
        return Growth(
            since=at - span,
            at=at,
            arrived=sum(one.arrived * part for one, part in parts),
            finished=sum(one.counts["requests"] * part for one, part in parts),
            prompt_tokens=sum(one.counts["prompt_tokens"] * part for one, part in parts),
            generated_tokens=sum(one.counts["generation_tokens"] * part for one, part in parts),
            prefix_queried=sum(one.counts["prefix_queries"] * part for one, part in parts),
            prefix_hit=sum(one.counts["prefix_hits"] * part for one, part in parts),
            ttft=_added(_scaled(one.histograms.get("ttft", {}), part) for one, part in parts),
            tpot=_added(_scaled(one.histograms.get("tpot", {}), part) for one, part in parts),
        )

    def _step(self, pod: Key, sample: Sample) -> None:
        before = self._last.get(pod)
        if before is not None and sample.observed_at <= before.observed_at:
            return
        self._last[pod] = sample
        since = before.observed_at if before is not None else None
        if before is None:
            if pod not in self._young:
                return
            before = Sample(sample.observed_at, sample.source, histograms=_zeros(sample.histograms))
        self._young.discard(pod)
        self._add(
            self._pending.setdefault(pod, _Pending(since, sample.observed_at, sample.observed_at)), before, sample
        )

    @staticmethod
    def _add(grown: _Pending, before: Sample, after: Sample) -> None:
        grown.at = after.observed_at
        steps = {name: _increase(before.counters.get(name, 0.0), after.counters.get(name, 0.0)) for name in _COUNTERS}
        for name, step in steps.items():
            grown.counts[name] += step
        grown.arrived += max(0.0, steps["requests"] + _in_flight(after) - _in_flight(before))
        for name in ("ttft", "tpot"):
            if name in after.histograms:
                observed = histogram_growth([before.histograms.get(name, {}), after.histograms[name]])
                grown.histograms[name] = _added([grown.histograms.get(name, {}), observed])


def _part(one: _Pending, span: float) -> float:
    """Of a pod's growth that belongs to the others' time: one that was silent for long would look like a wave."""
    own = one.at - one.since if one.since is not None else 0.0
    return span / own if own > span > 0 else 1.0


def _scaled(buckets: Mapping[float, float], part: float) -> dict[float, float]:
    return {bound: count * part for bound, count in buckets.items()}


def _in_flight(sample: Sample) -> float:
    return sample.gauges.get("running", 0.0) + sample.gauges.get("waiting", 0.0)


def _increase(before: float, after: float) -> float:
    """Of a counter; after a reset the new reading."""
    return after - before if after >= before else after


def _zeros(histograms: Mapping[str, Buckets]) -> dict[str, Buckets]:
    return {name: dict.fromkeys(buckets, 0.0) for name, buckets in histograms.items()}


def _added(histograms: Iterable[Mapping[float, float]]) -> dict[float, float]:
    """Over the bounds that all which are not empty share."""
    filled = [one for one in histograms if one]
    if not filled:
        return {}
    bounds = set(filled[0]).intersection(*filled[1:])
    return {bound: sum(one[bound] for one in filled) for bound in sorted(bounds)}
