"""The number of replicas that costs least: GPUs held, and requests that miss their objectives at a price.

Numbers of replicas are played through, from now until a while after one asked for now would be ready, on every path
that arrivals may take: what starts joins when it is ready, work that waits is carried on, and every moment's share of
missed requests is counted. A miss has a price in seconds of a replica. It follows from one knob, the share of requests
that are to be good: with a goal of 0.95 one missed request weighs as much as nineteen good ones cost.

Many services are planned for at once, each for a few numbers about a first guess, and again about the best of these
where it stands at their edge. Arrays have the axes (services, numbers, paths, times).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.scaling.predictive.capacity import Pace, engine_seconds, miss_probability, stacked
from rorqual_engine.scaling.predictive.forecast import Forecast, Paths

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]
STEPS = 12
"""Moments of the horizon."""
USE_SECONDS = 90.0
"""How long after it is ready a replica's use is looked at."""
TRUST_SECONDS = 600.0
EAGERNESS = 1.5
LEAST_URGENCY, MOST_URGENCY = 0.2, 4.0
LIFE_SECONDS = 600.0
"""Over so long a new replica's start-up is spread."""
LOOKED_AT = 5
"""Numbers of replicas of one round."""
ROUNDS = 8
FIRST_UTILISATION = 0.7
WORTH_REMOVING = 0.6
"""Of the seconds that one replica is held, which fewer must save: without it a number between two swings."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Replicas as they are."""

    ready: int
    starting_seconds: tuple[float, ...]
    """How long each has been starting; the oldest first."""
    startup_seconds: float
    backlog_seconds: float
    """Work that waits, in seconds of one replica."""

    @property
    def asked(self) -> int:
        return self.ready + len(self.starting_seconds)


@dataclass(frozen=True, slots=True)
class Case:
    """One service to plan for, within its bounds."""

    fleet: Fleet
    pace: Pace
    price: float
    """Of a miss, in seconds of a replica."""
    fewest: int
    most: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The best number, with what it was compared by: arrays have one entry a number of replicas."""

    replicas: int
    numbers: Numbers
    """Those that were looked at, ascending."""
    cost: Array
    """Replica-seconds over the horizon, misses at their price included."""
    missed: Array
    """Requests missed over the horizon, or waiting at its end."""
    arrivals: float
    """Expected over the horizon."""
    offered: float
    """Replicas' worth of work a second, at the forecast's mean."""
    horizon_seconds: float

    @property
    def good_rates(self) -> Array:
        """Expected, of each number."""
        if self.arrivals <= 0:
            return np.ones(len(self.numbers))
        return np.clip(1.0 - self.missed / self.arrivals, 0.0, 1.0)


def price_of_a_miss(goal: float, pace: Pace) -> float:
    """In seconds of a replica."""
    return float(goal / (1.0 - goal) * engine_seconds(pace))


def urgency(missed: float, goal: float, seconds: float) -> float:
    """Factor on the price of a miss, from the share of requests missed over the past `seconds`.

    The goal is kept over time: who missed more than it allows pays more for the next miss, and less once it is kept.
    What was seen counts against `TRUST_SECONDS` in which just the allowed share was missed.
    """
    allowed = 1.0 - goal
    share = (missed * seconds + allowed * TRUST_SECONDS) / (seconds + TRUST_SECONDS)
    return float(np.clip((share / allowed) ** EAGERNESS, LEAST_URGENCY, MOST_URGENCY))


def plan(cases: Sequence[Case], forecast: Forecast) -> list[Plan]:
    """For each service the number of replicas within its bounds that costs least; the present one among equals."""
    if not cases:
        return []
    whole = _Scene.of(cases, forecast)
    seen = _Seen(len(cases))
    due, numbers = np.arange(len(cases)), _around(_first_guess(whole), whole.fewest, whole.most)
    for _ in range(ROUNDS):
        scene = whole.part(due)
        missed = _missed(scene, numbers)
        seen.add(due, numbers, missed, _held_seconds(scene, numbers) + scene.price[:, None] * missed)
        best = seen.best(due)
        edge = (best <= numbers[:, 0]) & (best > scene.fewest) | (best >= numbers[:, -1]) & (best < scene.most)
        due = due[edge]
        if not len(due):
            break
        numbers = _around(best[edge], scene.fewest[edge], scene.most[edge])
    mean = np.einsum("sp,spt->s", whole.paths.weights, whole.paths.rates) / STEPS
    return [
        seen.plan(place, case, float(rate), float(horizon))
        for place, (case, rate, horizon) in enumerate(zip(cases, mean, whole.horizon, strict=True))
    ]


@dataclass(frozen=True, slots=True)
class _Scene:
    """Several services as arrays; the first axis is the service."""

    ready: Array
    asked: Array
    startup: Array
    backlog: Array
    price: Array
    fewest: Numbers
    most: Numbers
    horizon: Array
    arrived: Array
    """Of those that start now, how many are ready at each moment: shape (services, times)."""
    late: NDArray[np.bool_]
    """Moments at which what is asked for now is ready: shape (services, times)."""
    pace: Pace
    paths: Paths

    @classmethod
    def of(cls, cases: Sequence[Case], forecast: Forecast) -> "_Scene":
        fleets = [case.fleet for case in cases]
        startup = np.array([fleet.startup_seconds for fleet in fleets])
        horizon = startup + USE_SECONDS
        ahead = (np.arange(STEPS) + 0.5) * (horizon / STEPS)[:, None]
        most = max((len(fleet.starting_seconds) for fleet in fleets), default=0)
        waits = np.full((len(cases), most), np.inf)
        for place, fleet in enumerate(fleets):
            since = np.array(fleet.starting_seconds)
            waits[place, : len(since)] = np.maximum(0.0, fleet.startup_seconds - since)
        return cls(
            ready=np.array([float(fleet.ready) for fleet in fleets]),
            asked=np.array([float(fleet.asked) for fleet in fleets]),
            startup=startup,
            backlog=np.array([fleet.backlog_seconds for fleet in fleets]),
            price=np.array([case.price for case in cases]),
            fewest=np.array([case.fewest for case in cases]),
            most=np.array([case.most for case in cases]),
            horizon=horizon,
            arrived=(waits[:, None, :] <= ahead[:, :, None]).sum(axis=2).astype(np.float64),
            late=ahead >= startup[:, None],
            pace=stacked([case.pace for case in cases]),
            paths=forecast.paths(ahead),
        )

    def part(self, places: NDArray[np.intp]) -> "_Scene":
        if len(places) == len(self.ready):
            return self
        pace = Pace(*(getattr(self.pace, one.name)[places] for one in fields(Pace)))
        paths = Paths(self.paths.rates[places], self.paths.weights[places])
        rest = {one.name: getattr(self, one.name)[places] for one in fields(self) if one.name not in ("pace", "paths")}
        return _Scene(**rest, pace=pace, paths=paths)


class _Seen:
    """What was played through, for each service."""

    def __init__(self, services: int) -> None:
        self._rows: list[list[tuple[Numbers, Array, Array]]] = [[] for _ in range(services)]
        self._best = np.zeros(services, dtype=np.int64)
        self._least = np.full(services, np.inf)

    def add(self, due: NDArray[np.intp], numbers: Numbers, missed: Array, cost: Array) -> None:
        place = cost.argmin(axis=1)
        rows = np.arange(len(due))
        better = cost[rows, place] < self._least[due]
        self._best[due] = np.where(better, numbers[rows, place], self._best[due])
        self._least[due] = np.where(better, cost[rows, place], self._least[due])
        for row, service in enumerate(due):
            self._rows[service].append((numbers[row], missed[row], cost[row]))

    def best(self, due: NDArray[np.intp]) -> Numbers:
        found: Numbers = self._best[due]
        return found

    def plan(self, place: int, case: Case, rate: float, horizon: float) -> Plan:
        rows = self._rows[place]
        numbers, missed, cost = (
            rows[0] if len(rows) == 1 else (np.concatenate(parts) for parts in zip(*rows, strict=True))
        )
        numbers, first = np.unique(numbers, return_index=True)
        missed, cost = missed[first], cost[first]
        best = _settled(int(numbers[int(np.argmin(cost))]), numbers, cost, case.fleet.asked)
        return Plan(best, numbers, cost, missed, rate * horizon, rate * float(engine_seconds(case.pace)), horizon)


def _settled(best: int, numbers: Numbers, cost: Array, asked: int) -> int:
    """The present number, unless the best one costs less than it; fewer only where they save enough to be worth it."""
    present = np.flatnonzero(numbers == asked)
    if not len(present) or best == asked:
        return best
    least = WORTH_REMOVING * USE_SECONDS if best < asked else 1e-9 * abs(float(cost.min()))
    return asked if float(cost[present[0]] - cost.min()) <= least else best


def _first_guess(scene: _Scene) -> Numbers:
    """What the expected work fills to a usual part."""
    rate = np.einsum("sp,spt->s", scene.paths.weights, scene.paths.rates) / STEPS
    work = rate * engine_seconds(scene.pace) + scene.backlog / scene.horizon
    found: Numbers = np.ceil(work / FIRST_UTILISATION).astype(np.int64)
    return found


def _around(middle: Numbers, fewest: Numbers, most: Numbers) -> Numbers:
    """So many numbers about `middle` within the bounds; where these are narrower some stand twice."""
    first = np.clip(middle - LOOKED_AT // 2, fewest, np.maximum(fewest, most - LOOKED_AT + 1))
    found: Numbers = np.minimum(first[:, None] + np.arange(LOOKED_AT), most[:, None])
    return found


def _serving(scene: _Scene, numbers: Numbers) -> Array:
    """Replicas that serve, shape (services, numbers, times): the youngest go first, new ones come after a start-up."""
    count = numbers[:, :, None].astype(np.float64)
    ready, asked = scene.ready[:, None, None], scene.asked[:, None, None]
    started = np.minimum(scene.arrived[:, None, :], np.maximum(0.0, count - ready))
    found: Array = np.minimum(count, ready) + started + np.maximum(0.0, count - asked) * scene.late[:, None, :]
    return found


def _missed(scene: _Scene, numbers: Numbers) -> Array:
    """Requests missed over the horizon or still waiting at its end, mean over the paths: shape (services, numbers).

    Those that wait are counted so that replicas are worth having even where all that arrives is late.

    A queue stays where it is: replicas that join later begin without one, and the gateway sends what arrives to the
    shorter queues, so old and new replicas are carried on apart until their queues are equally long.
    """
    pace = Pace(*(getattr(scene.pace, one.name)[:, None, None] for one in fields(Pace)))
    work = engine_seconds(pace)
    there, rates = _serving(scene, numbers), scene.paths.rates[:, None]
    shape = (*numbers.shape, rates.shape[2])
    seconds = (scene.horizon / STEPS)[:, None, None]
    holding = np.maximum(1.0, scene.ready)[:, None, None]  # who is ready first takes what the gateway holds
    backlog = scene.backlog[:, None, None] / holding
    old, new, missed = np.broadcast_to(backlog, shape), np.zeros(shape), np.zeros(shape)
    first = late = np.zeros((*numbers.shape, 1))
    for moment in range(STEPS):
        serving = there[:, :, moment, None]
        before, first = late, np.minimum(serving, holding)
        late = serving - first
        new = new * np.minimum(before, late) / np.maximum(late, 1.0)  # those that just came have no queue
        rate = rates[..., moment]
        share = _share_missed(pace, rate * work, old, new, late, serving, seconds)
        missed += share * rate * seconds
        old, new = _carry_on(old, new, first, late, rate * work * seconds, seconds)
    draining = np.maximum(holding - np.maximum(first, 1.0), 0.0)
    own = np.maximum(0.0, backlog - scene.horizon[:, None, None])
    waiting = (old * np.maximum(first, 1.0) + new * late + own * draining) / work
    found: Array = np.einsum("snp,sp->sn", missed + waiting, scene.paths.weights)
    return found


def _share_missed(
    pace: Pace, offered: Array, old: Array, new: Array, late: Array, serving: Array, seconds: Array
) -> Array:
    """Of one moment's requests. Those who joined later take them alone until their queue is as long as the others'."""
    together = np.where(late > 0, np.minimum(old, new), old)
    found = miss_probability(pace, offered, together * serving, serving)
    gap = np.maximum(old - new, 0.0) * late
    if not gap.any():
        return found
    alone = np.minimum(gap / np.maximum(offered * seconds, 1e-9), 1.0)
    apart = miss_probability(pace, offered, new * late, np.maximum(late, 1.0))
    mixed: Array = alone * apart + (1.0 - alone) * found
    return mixed


def _carry_on(old: Array, new: Array, first: Array, late: Array, work: Array, seconds: Array) -> tuple[Array, Array]:
    """Both queues in seconds, after a step in which `work` (seconds of one replica) came to the shorter of them."""
    old = old - seconds * (first > 0)
    new = np.where(late > 0, new - seconds, old)
    gap = np.maximum(old - new, 0.0) * late
    apart = np.minimum(work, gap)
    new = new + apart / np.maximum(late, 1e-9)
    rest = (work - apart) / np.maximum(first + late, 1.0)
    old, new = old + rest, new + rest
    return np.maximum(old, 0.0), np.where(late > 0, np.maximum(new, 0.0), 0.0)


def _held_seconds(scene: _Scene, numbers: Numbers) -> Array:
    """Over the time in which a replica asked for now would be of use; fewer save the start-up time, too."""
    asked, startup = scene.asked[:, None], scene.startup[:, None]
    changed, fewer = np.abs(numbers - asked), np.maximum(asked - numbers, 0.0)
    held: Array = numbers * USE_SECONDS + changed * startup * USE_SECONDS / LIFE_SECONDS - fewer * startup
    return held
