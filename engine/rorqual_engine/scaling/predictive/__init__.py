"""Model-predictive scaling: what may arrive, what replicas can bear, and which number of them costs least."""

from rorqual_engine.scaling.predictive.capacity import VARIATION, Pace, engine_seconds, miss_probability, stacked
from rorqual_engine.scaling.predictive.forecast import Forecast, Paths, forecast
from rorqual_engine.scaling.predictive.planner import Case, Fleet, Plan, plan, price_of_a_miss, urgency

__all__ = [
    "VARIATION",
    "Case",
    "Fleet",
    "Forecast",
    "Pace",
    "Paths",
    "Plan",
    "engine_seconds",
    "forecast",
    "miss_probability",
    "plan",
    "price_of_a_miss",
    "stacked",
    "urgency",
]
