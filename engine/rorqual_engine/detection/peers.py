"""What is usual with others: services with the same model on the same GPUs, for one that knows no past of its own."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence

from rorqual_engine.detection.slow import knows_its_pace
from rorqual_engine.plan import Replica
from rorqual_engine.snapshot import Service, ServiceKey

SEQUENCES = 8.0
CONTEXT_TOKENS = 8000.0
"""Of a step at which the laws of two services are compared: each is corrected by its own engines."""

Timed = tuple[Service, float]
"""A service with the seconds of such a step."""


def usual_with_others(services: Iterable[Service]) -> dict[ServiceKey, float]:
    """Time between tokens over a service's own law, as its peers usually have it; only of those that need it."""
    knowing: dict[tuple[str, Replica], list[Timed]] = defaultdict(list)
    young: list[tuple[tuple[str, Replica], Timed]] = []
    for service in services:
        sized, watch = service.memory.sized, service.memory.watch
        if sized is None or sized.capability is None:
            continue
        kind = (service.spec.model.name, sized.configuration.replica)
        law = sized.capability.timing.decode_seconds(SEQUENCES, CONTEXT_TOKENS)
        if watch.usual_pace is not None and knows_its_pace(watch):
            knowing[kind].append((service, watch.usual_pace * law))
        else:
            young.append((kind, (service, law)))
    found = ((one.key, law, _seconds(one, knowing.get(kind, ()))) for kind, (one, law) in young)
    return {key: statistics.median(seconds) / law for key, law, seconds in found if seconds}


def _seconds(service: Service, others: Sequence[Timed]) -> list[float]:
    """That those take which are alike in every setting of model and engine."""
    spec = service.spec
    return [took for other, took in others if other.spec.model == spec.model and other.spec.engine == spec.engine]
