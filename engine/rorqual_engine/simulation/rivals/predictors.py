"""One-step forecasts of a series, as Dynamo's planner has them.

Source: ai-dynamo/dynamo, dynamo/planner/core/load/predictors.py of the package ai-dynamo 1.4.2; its defaults. The
constant and the Kalman predictor are the source's. The ARIMA one is not pmdarima's auto_arima but an autoregression by
least squares, of order 0 to 2 of the values or of their differences, chosen by AICc and fitted anew each time; like the
source it turns to log(1 + value) where no order above 0 is chosen. Prophet is left out.
"""

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from rorqual_engine.simulation.history import Column

MINIMUM = 5
"""Points before an autoregression; the last value is the forecast until then."""
ORDERS = 3


class Predictor(Protocol):
    def add(self, value: float) -> None:
        """Another step's value."""
        ...

    def predict(self) -> float:
        """The next step's."""
        ...


class Constant:
    """The last value; leading zeros are not kept, and what is not finite counts as 0."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def add(self, value: float) -> None:
        finite = value if math.isfinite(value) else 0.0
        if finite != 0 or self.values:
            self.values.append(finite)

    def predict(self) -> float:
        return self.values[-1] if self.values else 0.0


def _lagged(series: Column, order: int, first: int) -> Column:
    """Rows of a constant and the `order` values before each entry from `first` on."""
    columns = [series[first - lag : len(series) - lag] for lag in range(1, order + 1)]
    return np.column_stack([np.ones(len(series) - first), *columns])


def _aicc(squares: float, points: int, parameters: int) -> float:
    if points - parameters - 1 <= 0:
        return math.inf
    return points * math.log(max(squares, 1e-12) / points) + 2 * parameters * points / (points - parameters - 1)


def autoregression(values: Column) -> tuple[int, float]:
    """The chosen order and the forecast. Every candidate is judged by its errors on the same last points."""
    best = (math.inf, 0, float(values[-1]))
    for differences in (0, 1):
        series = np.diff(values, n=differences)
        for order in range(ORDERS):
            first = ORDERS - differences
            if len(series) - first < 1:
                continue
            rows, wanted = _lagged(series, order, first), series[first:]
            fitted = np.linalg.lstsq(rows, wanted, rcond=None)[0]
            score = _aicc(float(np.sum((wanted - rows @ fitted) ** 2)), len(wanted), order + 2)
            forecast = float(fitted[0] + fitted[1:] @ series[::-1][:order])
            if score < best[0]:
                best = (score, order, forecast + (float(values[-1]) if differences else 0.0))
    return best[1], best[2]


class Autoregressive(Constant):
    """In place of ARIMA."""

    def predict(self) -> float:
        if len(self.values) < MINIMUM or len(set(self.values)) == 1:
            return super().predict()
        values = np.maximum(np.array(self.values), 0.0)
        order, forecast = autoregression(values)
        if order == 0:
            forecast = math.expm1(autoregression(np.log1p(values))[1])
        return max(forecast, 0.0)


class Kalman(Constant):
    """A local linear trend."""

    def __init__(self, level_noise: float = 1.0, trend_noise: float = 0.1, noise: float = 10.0) -> None:
        super().__init__()
        self._state = np.zeros(2)
        self._covariance = np.eye(2) * 1000.0
        self._step = np.array([[1.0, 1.0], [0.0, 1.0]])
        self._drift, self._noise = np.diag([level_noise, trend_noise]), noise

    def add(self, value: float) -> None:
        before = len(self.values)
        super().add(value)
        if len(self.values) == before:
            return
        if before == 0:
            self._state = np.array([self.values[-1], 0.0])
        else:
            self._update(self.values[-1])

    def _update(self, value: float) -> None:
        state = self._step @ self._state
        covariance = self._step @ self._covariance @ self._step.T + self._drift
        gain = covariance[:, 0] / (covariance[0, 0] + self._noise)
        self._state = state + gain * (value - state[0])
        self._covariance = covariance - np.outer(gain, covariance[0])

    def predict(self) -> float:
        return float(self._state.sum())


PREDICTORS: dict[str, Callable[[], Predictor]] = {
    "arima": Autoregressive,
    "kalman": Kalman,
    "constant": Constant,
}
