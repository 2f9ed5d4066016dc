"""What a source of metrics is, and how two of them are asked so that one steps in for the other."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rorqual_operator.observe.metrics.sample import Sample
from rorqual_operator.observe.reflector import Key

log = logging.getLogger(__name__)


class SourceError(Exception):
    """A source as a whole gave no answer; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """One engine to be read."""

    pod: Key
    address: str
    """host:port of its /metrics."""


class Source(Protocol):
    """Somewhere that engines' metrics come from."""

    name: str

    async def read(self, targets: Sequence[Target]) -> Mapping[Key, Sample]:
        """Samples by pod, of those pods that gave one. Raises SourceError when the source itself is silent."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What all sources together gave in one round."""

    samples: Mapping[Key, Sample]
    problems: Mapping[str, str] = field(default_factory=dict)
    """By source: why it gave nothing."""
    unanswered: frozenset[Key] = frozenset()
    """Pods that every source was asked for in vain."""
    asked: frozenset[str] = frozenset()
    """Sources that were asked: a later one is not when those before it knew everything."""


async def read_in_turn(
    sources: Sequence[Source], targets: Sequence[Target], now: float, fresh_seconds: float
) -> Reading:
    """Asks each source for the pods of which the ones before gave no sample younger than `fresh_seconds`."""
    samples: dict[Key, Sample] = {}
    problems: dict[str, str] = {}
    missing, asked = list(targets), set()
    for source in sources:
        if not missing:
            break
        asked.add(source.name)
        try:
            found = await source.read(missing)
        except SourceError as error:
            problems[source.name] = str(error)
            continue
        samples.update({pod: s for pod, s in found.items() if s.complete and now - s.observed_at <= fresh_seconds})
        missing = [target for target in missing if target.pod not in samples]
    return Reading(samples, problems, frozenset(target.pod for target in missing), frozenset(asked))
