"""The rounds of reading engines' metrics, and since when a pod has not answered."""

from collections.abc import Mapping, Sequence

from rorqual_operator.kube import Object
from rorqual_operator.observe import cluster
from rorqual_operator.observe.metrics.source import Reading, Source, Target, read_in_turn
from rorqual_operator.observe.metrics.window import Window
from rorqual_operator.observe.reflector import Key, key_of

DEFAULT_PORT = 8000


def target(pod: Object) -> Target | None:
    """Where a pod's metrics are: its IP with the annotated port. None before it has an address."""
    address = pod.get("status", {}).get("podIP")
    port = pod["metadata"].get("annotations", {}).get("prometheus.io/port", DEFAULT_PORT)
    return Target(key_of(pod), f"{address}:{port}") if address else None


class Readings:
    """The samples of the last window and who did not answer."""

    def __init__(self, sources: Sequence[Source], window_seconds: float, fresh_seconds: float) -> None:
        self.window = Window(window_seconds)
        self.unanswered_since: Mapping[Key, float] = {}
        self.problem: str | None = None
        """Why no metrics could be had for any pod, in words."""
        self.up: dict[str, bool] = {}
        """By source: whether it answered last time it was asked."""
        self._sources, self._fresh_seconds = sources, fresh_seconds

    async def update(self, pods: Sequence[Object], now: float) -> None:
        """One round: reads every ready pod."""
        ready = [pod for pod in pods if cluster.to_pod(pod).serving]
        targets = [found for found in map(target, ready) if found]
        reading = await read_in_turn(self._sources, targets, now, self._fresh_seconds)
        self.window.take(reading.samples, {key_of(pod) for pod in pods})
        self.unanswered_since = {pod: self.unanswered_since.get(pod, now) for pod in reading.unanswered}
        self._judge(targets, reading)

    def _judge(self, targets: Sequence[Target], reading: Reading) -> None:
        for name in reading.asked:
            self.up[name] = bool(reading.samples) and name not in reading.problems
        self.problem = None
        if targets and not reading.samples:
            reasons = "; ".join(reading.problems.values())
            scraped = f"none of {len(targets)} ready pods answered on /metrics"
            self.problem = f"{reasons}; {scraped}" if reasons else scraped
