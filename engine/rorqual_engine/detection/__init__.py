"""How a service does, by rule: healthy, overloaded, at fault or idle, with the figures."""

from rorqual_engine.detection.verdict import Diagnosis, active, diagnose

__all__ = ["Diagnosis", "active", "diagnose"]
