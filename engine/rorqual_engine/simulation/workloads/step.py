"""Ten times the rate for ten minutes: what the time that a replica takes to start costs."""

from dataclasses import replace

from rorqual_engine.simulation.arrivals import RateCurve
from rorqual_engine.simulation.workloads.shapes import shape

STARTUP_SECONDS = (0.0, 30.0, 60.0, 120.0, 300.0)
_STEP_SECONDS = 600.0


def step_curve(rate: float, begin_seconds: float, duration_seconds: float) -> RateCurve:
    """`rate` throughout, ten times that for ten minutes."""
    end = begin_seconds + _STEP_SECONDS
    return RateCurve.of_steps([0.0, begin_seconds, end], [rate, 10 * rate, rate], duration_seconds)


WORKLOADS = (
    shape("step", "4 requests/s, 40 from minute 20 to minute 30", step_curve(4.0, 1200.0, 3600.0)),
    replace(
        shape("step-startup", "2 requests/s, 20 from minute 10 to minute 20", step_curve(2.0, 600.0, 1800.0)),
        startup_seconds=STARTUP_SECONDS,
        notes="for each of the start-up times",
    ),
)
