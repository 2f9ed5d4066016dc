"""Every named workload."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

from rorqual_engine.simulation.workloads import planner_gym, pools, recorded, shapes, step
from rorqual_engine.simulation.workloads.workload import Pool, Workload

Named = TypeVar("Named", Workload, Pool)

WORKLOADS: Mapping[str, Workload] = MappingProxyType(
    {
        workload.name: workload
        for workload in (*planner_gym.WORKLOADS, *shapes.WORKLOADS, *step.WORKLOADS, *recorded.WORKLOADS)
    }
)
POOLS: Mapping[str, Pool] = MappingProxyType({pool.name: pool for pool in pools.POOLS})


def workload(name: str) -> Workload:
    """The workload of that name; ValueError with near names when there is none."""
    return _named(WORKLOADS, name, "workload")


def pool(name: str) -> Pool:
    """The pool of that name; ValueError with near names when there is none."""
    return _named(POOLS, name, "pool")


def _named(known: Mapping[str, Named], name: str, kind: str) -> Named:
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or list(known)
    raise ValueError(f"{kind}: expected one such as {', '.join(near)}; found {name!r}")
