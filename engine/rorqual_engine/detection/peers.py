"""What is usual with others: services with the same model on the same GPUs, for one that knows no past of its own."""

import statistics
from collections import defaultdict
from collections.abc import Iterable

from rorqual_engine.detection.slow import knows_its_pace
from rorqual_engine.plan import Replica
from rorqual_engine.snapshot import Service, ServiceKey
from rorqual_engine.timing import Capability

SEQUENCES = 8.0
CONTEXT_TOKENS = 8000.0
"""Of a step at which the laws of two services are compared: each is corrected by its own engines."""


def usual_with_others(services: Iterable[Service]) -> dict[ServiceKey, float]:
    """Time between tokens over a service's own law, as its peers usually have it; only of those that need it."""
    knowing: dict[tuple[str, Replica], list[Service]] = defaultdict(list)
    young: list[Service] = []
    for service in services:
        sized = service.memory.sized
        if sized is None or sized.capability is None:
            continue
        if knows_its_pace(service.memory.watch):
            knowing[service.spec.model.name, sized.configuration.replica].append(service)
        else:
            young.append(service)
    found = ((one.key, _usual(one, knowing)) for one in young)
    return {key: usual for key, usual in found if usual is not None}


def _usual(service: Service, knowing: dict[tuple[str, Replica], list[Service]]) -> float | None:
    sized = service.memory.sized
    if sized is None or sized.capability is None:
        return None
    alike = knowing.get((service.spec.model.name, sized.configuration.replica), [])
    seconds = [_seconds(other) for other in alike if _same(other, service)]
    return statistics.median(seconds) / _step(sized.capability) if seconds else None


def _same(one: Service, other: Service) -> bool:
    return one.spec.model == other.spec.model and one.spec.engine == other.spec.engine


def _seconds(service: Service) -> float:
    """Of a step, as the service usually takes."""
    sized, pace = service.memory.sized, service.memory.watch.usual_pace
    if sized is None or sized.capability is None or pace is None:
        raise ValueError(f"{service.key} does not know its pace")
    return pace * _step(sized.capability)


def _step(capability: Capability) -> float:
    return capability.timing.decode_seconds(SEQUENCES, CONTEXT_TOKENS)
