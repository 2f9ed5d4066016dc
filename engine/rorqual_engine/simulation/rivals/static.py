"""A fixed number of replicas.

Source: none needed; what a Deployment without an autoscaler does.
"""

from rorqual_engine.simulation.policy import Decision, Facts, View

SEARCH: dict[str, tuple[float, ...]] = {"replicas": (1, 2, 3, 4, 5, 6, 7, 8)}


class Static:
    """The same number at all times."""

    interval_seconds = 60.0

    def __init__(self, facts: Facts, *, replicas: float | None = None) -> None:
        self._replicas = facts.min_replicas if replicas is None else int(replicas)

    def decide(self, view: View) -> Decision:  # noqa: ARG002 - a fixed number looks at nothing
        return Decision(self._replicas, "fixed")
