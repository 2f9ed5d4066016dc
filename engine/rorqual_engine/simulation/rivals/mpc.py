"""A receding-horizon controller, as published for the Planner Gym.

Source: the description of the MPC that leads the Planner Gym's table (goodput per GPU 1.400): a capacity model,
replicas that still start are counted, arrivals are forecast one start-up ahead, and replicas go only where utilisation
stays at or below 0.75 under a high forecast for one start-up time. Its code was not at hand: Holt's smoothing, its
constants, the window and the width of the high forecast (1.28 standard deviations of the one-step errors, 90 % of a
normal distribution) are ours.
"""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from rorqual_engine.simulation.history import Column, History
from rorqual_engine.simulation.policy import Decision, Facts, View
from rorqual_engine.simulation.rivals.lengths import mean_lengths

SEARCH: dict[str, tuple[float, ...]] = {
    "down_utilization": (0.75, 0.5, 0.6, 0.85),
    "up_utilization": (1.0, 0.7, 0.8, 0.9),
    "window_seconds": (60, 30, 120, 300),
    "level": (0.5, 0.2, 0.8),
    "trend": (0.3, 0.0, 0.1, 0.5),
    "deviations": (1.28, 0.0, 2.0),
}
KV_SHARE = 0.9


def capacity(facts: Facts, input_tokens: float, output_tokens: float) -> float:
    """Requests a second of one replica: 1 / (T_prefill + osl * T_decode(c) / c), at its largest concurrency c.

    A decoding sequence holds half of its answer on average.
    """
    fits = KV_SHARE * facts.kv_tokens / (input_tokens + output_tokens)
    concurrency = max(min(fits, float(facts.sequences)), 1.0)
    decode = facts.timing.decode_seconds(concurrency, concurrency * (input_tokens + output_tokens / 2))
    return 1.0 / (facts.timing.prefill_seconds(input_tokens) + output_tokens * decode / concurrency)


@dataclass(frozen=True, slots=True)
class Trend:
    """Holt's linear trend of a series with one entry a step."""

    level: float
    slope: float
    """A step."""
    deviation: float
    """Of the one-step errors."""

    def at(self, steps: float) -> float:
        """The forecast so many steps ahead; arrivals are never negative."""
        return max(self.level + self.slope * steps, 0.0)


def holt(series: Column, level: float, trend: float) -> Trend:
    """Smoothed with those two constants from the first value on; zeros for an empty series."""
    if len(series) == 0:
        return Trend(0.0, 0.0, 0.0)
    base, slope, errors = float(series[0]), 0.0, []
    for value in series[1:]:
        error = float(value) - base - slope
        errors.append(error)
        base, slope = base + slope + level * error, slope + level * trend * error
    return Trend(base, slope, float(np.sqrt(np.mean(np.square(errors)))) if errors else 0.0)


def arrival_rates(history: History, window_seconds: float, step_seconds: float) -> Column:
    """Requests a second in each whole step of the last `window_seconds`, the oldest first."""
    at, arrived = history.column("at"), history.column("arrived")
    if len(at) < 2:
        return np.zeros(0)
    steps = int(min(window_seconds, at[-1] - at[0]) / step_seconds + 1e-9)
    edges = at[-1] - step_seconds * np.arange(steps, -1, -1)
    rates: Column = np.diff(np.interp(edges, at, arrived)) / step_seconds
    return rates


class MPC:
    """The fewest replicas that carry what is forecast one start-up ahead."""

    def __init__(
        self,
        facts: Facts,
        *,
        down_utilization: float = 0.75,
        up_utilization: float = 1.0,
        window_seconds: float = 60.0,
        level: float = 0.5,
        trend: float = 0.3,
        deviations: float = 1.28,
        interval_seconds: float = 5.0,
    ) -> None:
        self.interval_seconds = interval_seconds
        self._facts = facts
        self._down, self._up = down_utilization, up_utilization
        self._window, self._level, self._trend, self._deviations = window_seconds, level, trend, deviations
        self._safe: deque[tuple[float, int]] = deque()

    def decide(self, view: View) -> Decision:
        rates = arrival_rates(view.history, self._window, self.interval_seconds)
        forecast = holt(rates, self._level, self._trend)
        rate = self._highest(forecast, 0.0)
        mu = capacity(self._facts, *mean_lengths(view.history, self._window, self._facts))
        needed = math.ceil(rate / (mu * self._up) - 1e-9)
        safe = self._safe_for_a_startup(view.now, self._highest(forecast, self._deviations) / (mu * self._down))
        why = f"{rate:.3g} requests/s forecast, {mu:.3g} a replica"
        if needed > view.asked:
            return Decision(needed, why)
        return Decision(min(view.asked, max(safe, needed, self._facts.min_replicas)), why)

    def _highest(self, forecast: Trend, deviations: float) -> float:
        """Requests a second from now until a replica that is asked for now is ready."""
        steps = self._facts.startup_seconds / self.interval_seconds
        return max(forecast.at(0), forecast.at(steps)) + deviations * forecast.deviation

    def _safe_for_a_startup(self, now: float, replicas: float) -> int:
        """The most that was needed at any decision of one start-up time; everything until that long is known."""
        startup = self._facts.startup_seconds
        self._safe.append((now, math.ceil(replicas - 1e-9)))
        while len(self._safe) > 1 and self._safe[1][0] <= now - startup:
            self._safe.popleft()
        known = now - self._safe[0][0] >= startup
        return max(needed for _, needed in self._safe) if known else self._facts.max_replicas
