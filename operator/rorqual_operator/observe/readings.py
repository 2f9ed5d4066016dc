"""The rounds of reading engines' metrics, and since when a pod has not answered."""

import asyncio
import logging
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import Protocol

from rorqual_engine.snapshot import GPU, Past, ServiceKey
from rorqual_operator.kube import Object
from rorqual_operator.observe import cluster
from rorqual_operator.observe.metrics.growth import Steps
from rorqual_operator.observe.metrics.source import Reading, Source, SourceError, Target, read_in_turn
from rorqual_operator.observe.metrics.window import Window
from rorqual_operator.observe.reflector import Key, key_of

log = logging.getLogger(__name__)

DEFAULT_PORT = 8000


class PastSource(Protocol):
    """Somewhere that the loads of the last hour are kept."""

    async def read(self, now: float) -> Mapping[ServiceKey, Past]:
        """By service. Raises SourceError."""
        ...


class GPUs(Protocol):
    """Somewhere that figures of GPUs come from."""

    async def read(self) -> Mapping[Key, tuple[GPU, ...]]:
        """By pod. Raises SourceError."""
        ...


def target(pod: Object) -> Target | None:
    """Where a pod's metrics are: its IP with the annotated port. None before it has an address."""
    address = pod.get("status", {}).get("podIP")
    port = pod["metadata"].get("annotations", {}).get("prometheus.io/port", DEFAULT_PORT)
    return Target(key_of(pod), f"{address}:{port}") if address else None


class Readings:
    """The samples of the last window and who did not answer."""

    def __init__(
        self,
        sources: Sequence[Source],
        window_seconds: float,
        fresh_seconds: float,
        past: PastSource | None = None,
        gpus: GPUs | None = None,
    ) -> None:
        self.window = Window(window_seconds)
        self.steps = Steps()
        self.unanswered_since: Mapping[Key, float] = {}
        self.problem: str | None = None
        """Why no metrics could be had for any pod, in words."""
        self.up: dict[str, bool] = {}
        """By source: whether it answered last time it was asked."""
        self.pasts: Mapping[ServiceKey, Past] = {}
        """Loads of the last hour as the metrics store has them, once recalled."""
        self.gpus: Mapping[Key, tuple[GPU, ...]] = {}
        """Of the pods that something tells of."""
        self._sources, self._fresh_seconds, self._past, self._gpus = sources, fresh_seconds, past, gpus

    async def recall(self, now: float) -> None:
        """Asks the metrics store what happened before; without an answer nothing is known, and that is said."""
        if self._past is None:
            return
        try:
            self.pasts = await self._past.read(now)
            log.info("recalled the last hour of %s services", len(self.pasts))
        except SourceError as error:
            log.warning("the last hour of the services' load is not known: %s", error)

    async def update(self, pods: Sequence[Object], now: float) -> None:
        """One round: reads every ready pod. One that was ready is asked as well, but only whether it answers."""
        views = [(pod, cluster.to_pod(pod)) for pod in pods]
        ready = [pod for pod, view in views if view.serving]
        lost = [pod for pod, view in views if view.started and not view.serving]
        targets = [found for found in map(target, ready) if found]
        asked = [*targets, *(found for found in map(target, lost) if found)]
        found, self.gpus = await asyncio.gather(
            read_in_turn(self._sources, asked, now, self._fresh_seconds), self._read_gpus()
        )
        reading = _without(found, set(map(key_of, lost)))
        known = {key_of(pod) for pod in pods}
        self.window.take(reading.samples, known)
        self.steps.take(reading.samples, known, known - {key_of(pod) for pod in ready})
        self.unanswered_since = {pod: self.unanswered_since.get(pod, now) for pod in reading.unanswered}
        self._judge(targets, reading)

    async def _read_gpus(self) -> Mapping[Key, tuple[GPU, ...]]:
        """Nothing where they cannot be read: that is no sign that they are well, nor that they are not."""
        if self._gpus is None:
            return {}
        try:
            return await self._gpus.read()
        except SourceError as error:
            log.debug("figures of GPUs are not known: %s", error)
            return {}

    def _judge(self, targets: Sequence[Target], reading: Reading) -> None:
        for name in reading.asked:
            self.up[name] = bool(reading.samples) and name not in reading.problems
        self.problem = None
        if targets and not reading.samples:
            reasons = "; ".join(reading.problems.values())
            scraped = f"none of {len(targets)} ready pods answered on /metrics"
            self.problem = f"{reasons}; {scraped}" if reasons else scraped


def _without(reading: Reading, pods: Set[Key]) -> Reading:
    """No figures of these: gateways send them nothing any more."""
    return replace(reading, samples={pod: sample for pod, sample in reading.samples.items() if pod not in pods})
