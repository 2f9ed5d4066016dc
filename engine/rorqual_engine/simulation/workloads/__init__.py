"""Named workloads: requests drawn from a seed."""

from rorqual_engine.simulation.workloads.registry import POOLS, WORKLOADS, pool, workload
from rorqual_engine.simulation.workloads.workload import Pool, Start, Workload

__all__ = ["POOLS", "WORKLOADS", "Pool", "Start", "Workload", "pool", "workload"]
