"""The samples of the last while, by pod: what rates and quantiles are made from."""

from collections.abc import Iterable, Mapping, Sequence

from rorqual_engine.snapshot import EngineMetrics, Quantiles
from rorqual_operator.observe.metrics.normalise import histogram, merge, normalise, quantiles
from rorqual_operator.observe.metrics.sample import Sample
from rorqual_operator.observe.reflector import Key


class Window:
    """Keeps each pod's samples for `seconds`, plus the one before, so that the window is always covered."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._samples: dict[Key, list[Sample]] = {}

    def take(self, samples: Mapping[Key, Sample], known: Iterable[Key]) -> None:
        """Adds a round's samples and forgets the pods that are not `known` any more."""
        keep = set(known)
        self._samples = {pod: held for pod, held in self._samples.items() if pod in keep}
        for pod, sample in samples.items():
            held = self._samples.setdefault(pod, [])
            if not held or sample.observed_at > held[-1].observed_at:
                held.append(sample)
            self._trim(held, sample.observed_at - self._seconds)

    @staticmethod
    def _trim(held: list[Sample], since: float) -> None:
        while len(held) > 2 and held[1].observed_at <= since:
            held.pop(0)

    def metrics(self, pod: Key) -> EngineMetrics | None:
        """The pod's normalised figures by its latest sample; None when there is none."""
        held = self._samples.get(pod)
        return normalise(held) if held else None

    def latency(self, pods: Sequence[Key], key: str) -> Quantiles:
        """Quantiles of a histogram over several pods together."""
        return quantiles(merge(histogram(self._samples[pod], key) for pod in pods if pod in self._samples))
