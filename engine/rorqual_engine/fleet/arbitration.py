"""Who gets the GPUs that are free: claims by priority, each GPU promised once.

Counted for whole GPUs alone (sharing.scheme Exclusive). With HAMi, MIG or DRA nobody outside the scheduler knows what
fits beside what, so such services make no claim: their pods wait where there is no room, and say so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

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
    gains: Mapping[int, float] = field(default_factory=dict)
    """Good requests a second that the replica of each number adds to those before it; empty where nobody can tell."""
    tentative: bool = False
    """Nobody acts on it (advisory scaling): it comes after all others."""

    @property
    def rank(self) -> tuple[bool, int]:
        """The least comes first."""
        return self.tentative, -self.priority

    def gain_per_gpu(self, replica: int) -> float:
        return self.gains.get(replica, 0.0) / self.gpus_per_replica


@dataclass(frozen=True, slots=True)
class Grant:
    """What one claim may have: never more than wanted, and not fewer than asked for already."""

    replicas: int
    shortage: GPUShortage | None = None


def arbitrate(inventory: Inventory, claims: Iterable[Claim]) -> dict[ServiceKey, Grant]:
    """Grants by priority, the greater first; among equals where a GPU brings the most good requests, then by name.

    A replica's GPUs lie on one node. Replicas that already hold GPUs cost nothing more; those that wait for theirs are
    served before any new ones of the same or of lower priority.
    """
    free: dict[str, dict[str, int]] = {}
    grants: dict[ServiceKey, Grant] = {}
    ordered = sorted(claims, key=lambda claim: (claim.rank, claim.key))
    for _, equals in groupby(ordered, key=lambda claim: claim.rank):
        grants |= _share(inventory, free, list(equals))
    return grants


@dataclass(slots=True)
class _Standing:
    """How far a claim has come."""

    claim: Claim
    possible: int
    """Replicas that have their GPUs, or may have them."""
    free_before: int


def _share(inventory: Inventory, free: dict[str, dict[str, int]], claims: Sequence[Claim]) -> dict[ServiceKey, Grant]:
    """Among claims of one priority: what is asked for already, then new replicas one by one."""
    standings = []
    for claim in claims:
        if claim.gpu not in free:
            free[claim.gpu] = {node.name: node.gpus_free for node in inventory.stock(claim.gpu).nodes}
        standings.append(_begin(free[claim.gpu], claim))
    open_still = [one for one in standings if one.possible < one.claim.wanted]
    while open_still:
        best = max(open_still, key=lambda one: one.claim.gain_per_gpu(one.possible + 1))
        if place(free[best.claim.gpu], best.claim.gpus_per_replica, 1):
            best.possible += 1
        if best.possible >= best.claim.wanted or not _fits(free[best.claim.gpu], best.claim):
            open_still.remove(best)
    return {one.claim.key: _grant(inventory, one) for one in standings}


def _begin(free: dict[str, int], claim: Claim) -> _Standing:
    """With the replicas that hold GPUs, and those that wait for theirs."""
    before = sum(free.values())
    for node, gpus in claim.released.items():
        free[node] = free.get(node, 0) + gpus
    held = sum(claim.held.values())
    waiting = min(claim.current, claim.wanted) - held
    return _Standing(claim, held + place(free, claim.gpus_per_replica, waiting), before)


def _fits(free: Mapping[str, int], claim: Claim) -> bool:
    return any(gpus >= claim.gpus_per_replica for gpus in free.values())


def _grant(inventory: Inventory, standing: _Standing) -> Grant:
    claim = standing.claim
    if standing.possible >= claim.wanted:
        return Grant(claim.wanted)
    shortage = GPUShortage(
        gpu=claim.gpu,
        wanted_replicas=claim.wanted,
        possible_replicas=standing.possible,
        gpus_per_replica=claim.gpus_per_replica,
        gpus_free=standing.free_before,
        gpus_total=inventory.stock(claim.gpu).total,
    )
    return Grant(min(claim.wanted, max(claim.current, standing.possible)), shortage)


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
