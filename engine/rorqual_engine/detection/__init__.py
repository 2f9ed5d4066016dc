"""How a service does: healthy, overloaded, at fault, misconfigured, with other requests than before, or idle."""

from rorqual_engine.detection.verdict import Diagnosis, active, diagnose

__all__ = ["Diagnosis", "active", "diagnose"]
