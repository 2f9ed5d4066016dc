"""Who gets the GPUs that are free: claims by priority, each GPU promised once.

Counted for whole GPUs alone (sharing.scheme Exclusive). With HAMi, MIG or DRA nobody outside the scheduler knows what
fits beside what, so such services make no claim: their pods wait where there is no room, and say so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rorqual_engine.fleet.inventory import Inventory
from rorqual_engine.plan import GPUShortage
from rorqual_engine.snapshot import ServiceKey


@dataclass(frozen=True, slots=True)
class Claim:
    """What one service wants of one product."""

    key: ServiceKey
    priority: int
    gpu: str
    gpus_per_replica: int
    current: int
    """Replicas asked for already, running or not."""
    wanted: int
    held: Mapping[str, int] = field(default_factory=dict)
    """Replicas of this service that already have their GPUs, by node."""
    released: Mapping[str, int] = field(default_factory=dict)
    """GPUs of this product, by node, that its replicas of another shape give back when they are replaced."""
    tentative: bool = False
    """Nobody acts on it (advisory scaling): it comes after all others."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one claim may have: never more than wanted, and not fewer than asked for already."""

    replicas: int
    shortage: GPUShortage | None = None


def arbitrate(inventory: Inventory, claims: Iterable[Claim]) -> dict[ServiceKey, Grant]:
    """Grants by priority, the greater first, then by namespace and name.

    A replica's GPUs lie on one node. Replicas that already hold GPUs cost nothing more; those that wait for theirs are
    served before any new ones of lower priority.
    """
    free: dict[str, dict[str, int]] = {}
    grants = {}
    for claim in sorted(claims, key=lambda claim: (claim.tentative, -claim.priority, claim.key)):
        if claim.gpu not in free:
            free[claim.gpu] = {node.name: node.gpus_free for node in inventory.stock(claim.gpu).nodes}
        grants[claim.key] = _grant(inventory, free[claim.gpu], claim)
    return grants


def _grant(inventory: Inventory, free: dict[str, int], claim: Claim) -> Grant:
    before = sum(free.values())
    for node, gpus in claim.released.items():
        free[node] = free.get(node, 0) + gpus
    held = sum(claim.held.values())
    possible = held + place(free, claim.gpus_per_replica, claim.wanted - held)
    if possible >= claim.wanted:
        return Grant(claim.wanted)
    shortage = GPUShortage(
        gpu=claim.gpu,
        wanted_replicas=claim.wanted,
        possible_replicas=possible,
        gpus_per_replica=claim.gpus_per_replica,
        gpus_free=before,
        gpus_total=inventory.stock(claim.gpu).total,
    )
    return Grant(min(claim.wanted, max(claim.current, possible)), shortage)


def place(free: dict[str, int], gpus: int, replicas: int) -> int:
    """Takes GPUs out of `free` for up to so many replicas, the fullest nodes first, and returns how many fitted."""
    placed = 0
    if replicas <= 0:
        return placed
    roomy = [name for name, count in free.items() if count >= gpus]
    for node in sorted(roomy, key=lambda name: (free[name], name)):
        if placed == replicas:
            break
        here = min(free[node] // gpus, replicas - placed)
        free[node] -= here * gpus
        placed += here
    return placed
