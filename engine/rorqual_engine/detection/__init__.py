"""How a service does: healthy, overloaded, at fault, misconfigured, with other requests than before, or idle."""

from rorqual_engine.detection.peers import usual_with_others
from rorqual_engine.detection.shared import blame_shared
from rorqual_engine.detection.verdict import Diagnosis, active, diagnose

__all__ = ["Diagnosis", "active", "blame_shared", "diagnose", "usual_with_others"]
