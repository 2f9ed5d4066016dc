"""One way to run a service: its configuration, what it is expected to do, and what it costs."""

from dataclasses import dataclass

import numpy as np

from rorqual_engine.plan import Bounds, Configuration, Expectation
from rorqual_engine.sizing.fit import Fit
from rorqual_engine.sizing.grid import Grid, at_confidence, bound_at_confidence
from rorqual_engine.sizing.objectives import Objective, deviations, probability
from rorqual_engine.sizing.performance import Interval, Intervals
from rorqual_engine.sizing.performance.prediction import Array
from rorqual_engine.sizing.question import Question, Shape
from rorqual_engine.units import format_duration


@dataclass(frozen=True, slots=True)
class Alternative:
    """The best operating point of one shape."""

    shape: Shape
    fit: Fit
    expected: Expectation
    shortfalls: tuple[str, ...] = ()
    """What it misses, in words; empty when it meets everything."""
    binding: Objective | None = None
    """The objective that it is least sure to keep."""
    bearable: float = 0.0
    """The limit in seconds at which `binding` would be kept with the confidence asked for."""
    basis: str = "law"
    """Where its figures are from: the performance law, or the oracle of that name."""

    @property
    def meets(self) -> bool:
        return not self.shortfalls

    @property
    def configuration(self) -> Configuration:
        return self.fit.configuration

    @property
    def name(self) -> str:
        return str(self.configuration.replica)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What every point of a grid costs, and how well it keeps the objectives."""

    replicas: Array
    cost: Array
    """Of all replicas, an hour; NaN without a price."""
    rank: Array
    """What is made least: cost, or GPUs where there is no price; for all replicas, or for a request a second."""
    slack: Array
    """Limit over latency at the confidence, of the objective that binds: 1 and more keeps them all."""


def keep_ledger(question: Question, grid: Grid) -> Ledger:
    """Costs, replicas and slack of all points."""
    sure = deviations(question.confidence, len(question.objectives))
    certain = grid.requests.value**2 / at_confidence(
        Intervals(grid.requests.low, grid.requests.value, grid.requests.value**2 / grid.requests.low),
        deviations(question.confidence, 1),
    )
    rate = question.requests_per_second
    replicas = np.ceil(rate / certain - 1e-9) if rate else np.ones(len(certain))
    gpus = _of_shapes(grid, [float(shape.replica.gpus) for shape in grid.shapes]) * grid.share_of_gpu
    prices = _of_shapes(grid, [_price(shape) for shape in grid.shapes])
    cost = gpus * prices * replicas
    work = replicas if rate else 1 / certain
    priced = all(offer.cost_per_hour is not None for offer in question.offers)
    slack = np.full(len(certain), np.inf)
    for objective in question.objectives:
        slack = np.minimum(slack, objective.seconds / at_confidence(grid.latency(objective), sure))
    return Ledger(replicas, cost, (gpus * prices if priced else gpus) * work, slack)


def alternative_at(question: Question, grid: Grid, ledger: Ledger, point: int) -> Alternative:
    """A point of the grid in full."""
    shape = grid.shapes[grid.shape[point]]
    chances = {objective: _chance(grid, objective, point) for objective in question.objectives}
    binding = min(chances, key=lambda objective: chances[objective], default=None)
    sure = deviations(question.confidence, len(question.objectives))
    return Alternative(
        shape=shape,
        fit=grid.fit(question, point),
        expected=_expectation(question, grid, ledger, point, list(chances.values())),
        shortfalls=tuple(_shortfalls(question, grid, ledger, point, sure)),
        binding=binding,
        bearable=bound_at_confidence(grid.latency_at(binding, point), sure) if binding else 0.0,
    )


def _expectation(question: Question, grid: Grid, ledger: Ledger, point: int, chances: list[float]) -> Expectation:
    requests = _bounds(grid.requests.at(point))
    ttft, tpot = (_bounds(grid.latency_at(objective, point)) for objective in _p95(question))
    cost = float(ledger.cost[point])
    return Expectation(
        requests_per_second=requests,
        tokens_per_second=requests.times(question.output_tokens),
        ttft_p95_seconds=ttft,
        tpot_p95_seconds=tpot,
        confidence=max(0.0, 1 - sum(1 - chance for chance in chances)) if chances else None,
        replicas=int(ledger.replicas[point]),
        cost_per_hour=None if np.isnan(cost) else cost,
    )


def _p95(question: Question) -> tuple[Objective, Objective]:
    """What is told of every alternative, whatever its objectives are."""
    return Objective.at("ttft", 95, 1.0, question.prompts), Objective.at("tpot", 95, 1.0, question.prompts)


def _shortfalls(question: Question, grid: Grid, ledger: Ledger, point: int, sure: float) -> list[str]:
    found = []
    for objective in question.objectives:
        latency = grid.latency_at(objective, point)
        bound = bound_at_confidence(latency, sure)
        if bound > objective.seconds:
            found.append(
                f"{objective} {format_duration(latency.value)}, surely below "
                f"{format_duration(bound)} only, not {format_duration(objective.seconds)}"
            )
    replicas, most = ledger.replicas[point], _most_replicas(question, grid.shapes[grid.shape[point]])
    if most is not None and replicas > most:
        found.append(f"{replicas:.0f} replicas for {question.requests_per_second:g} requests/s, {most} are allowed")
    return found


def _most_replicas(question: Question, shape: Shape) -> int | None:
    limits = [limit for limit in (question.max_replicas, shape.offer.max_replicas) if limit is not None]
    return min(limits, default=None)


def most_replicas(question: Question, grid: Grid) -> Array:
    """Most replicas allowed at every point; infinite where nothing limits them."""
    limits = [_most_replicas(question, shape) for shape in grid.shapes]
    return _of_shapes(grid, [float("inf") if limit is None else float(limit) for limit in limits])


def _chance(grid: Grid, objective: Objective, point: int) -> float:
    found = grid.latency_at(objective, point)
    return probability(found.value, found.high, objective.seconds)


def _of_shapes(grid: Grid, figures: list[float]) -> Array:
    return np.array(figures, dtype=np.float64)[grid.shape]


def _price(shape: Shape) -> float:
    return float("nan") if shape.offer.cost_per_hour is None else shape.offer.cost_per_hour


def _bounds(found: Interval) -> Bounds:
    return Bounds(found.low, found.value, found.high)
