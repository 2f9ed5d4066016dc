"""Named workloads: requests drawn from a seed."""
