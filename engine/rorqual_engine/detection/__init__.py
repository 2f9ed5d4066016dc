"""How a service does: healthy, overloaded, at fault, misconfigured, with other requests than before, or idle."""

from rorqual_engine.detection.nodes import blame_nodes
from rorqual_engine.detection.verdict import Diagnosis, active, diagnose

__all__ = ["Diagnosis", "active", "blame_nodes", "diagnose"]
