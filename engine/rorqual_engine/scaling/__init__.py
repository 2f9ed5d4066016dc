"""How many replicas: signals, demand, forecast, HPA's windows and policies, bounds."""

from rorqual_engine.scaling.bounds import Bounds, read_bounds
from rorqual_engine.scaling.desire import Desire, desire
from rorqual_engine.scaling.load import Load, read_load
from rorqual_engine.scaling.outlook import Foresight, Question, ask, foresee
from rorqual_engine.scaling.policies import longest_period_seconds

__all__ = [
    "Bounds",
    "Desire",
    "Foresight",
    "Load",
    "Question",
    "ask",
    "desire",
    "foresee",
    "longest_period_seconds",
    "read_bounds",
    "read_load",
]
