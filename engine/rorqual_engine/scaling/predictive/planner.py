"""The number of replicas that costs least: GPUs held, and requests that miss their objectives at a price.

Every number of replicas is played through, from now until a while after one asked for now would be ready, on every
path that arrivals may take: what starts joins when it is ready, work that waits is carried on, and every moment's share
of missed requests is counted. A miss has a price in seconds of a replica. It follows from one knob, the share of
requests that are to be good: with a goal of 0.95 one missed request weighs as much as nineteen good ones cost.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.scaling.predictive.capacity import Pace, engine_seconds, miss_probability
from rorqual_engine.scaling.predictive.forecast import Forecast, Paths

Array = NDArray[np.float64]
STEPS = 24
"""Moments of the horizon."""
USE_SECONDS = 90.0
"""How long after it is ready a replica's use is looked at."""
TRUST_SECONDS = 600.0
EAGERNESS = 1.5
LEAST_URGENCY, MOST_URGENCY = 0.5, 20.0
LIFE_SECONDS = 600.0
"""Over so long a new replica's start-up is spread."""


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
class Plan:
    """The best number, with what it was compared by: arrays have one entry a number of replicas."""

    replicas: int
    numbers: NDArray[np.int64]
    cost: Array
    """Replica-seconds over the horizon, misses at their price included."""
    missed: Array
    """Requests missed over the horizon, or waiting at its end."""
    arrivals: float
    """Expected over the horizon."""
    offered: float
    """Replicas' worth of work a second, at the forecast's mean."""

    @property
    def good_rate(self) -> float:
        """Expected with the best number."""
        missed = float(self.missed[int(np.argmax(self.numbers == self.replicas))])
        return max(0.0, 1.0 - missed / self.arrivals) if self.arrivals > 0 else 1.0


def price_of_a_miss(goal: float, pace: Pace) -> float:
    """In seconds of a replica."""
    return goal / (1.0 - goal) * engine_seconds(pace)


def urgency(missed: float, goal: float, seconds: float) -> float:
    """Factor on the price of a miss, from the share of requests missed over the past `seconds`.

    The goal is kept over time: who missed more than it allows pays more for the next miss, and less once it is kept.
    What was seen counts against `TRUST_SECONDS` in which just the allowed share was missed.
    """
    allowed = 1.0 - goal
    share = (missed * seconds + allowed * TRUST_SECONDS) / (seconds + TRUST_SECONDS)
    return float(np.clip((share / allowed) ** EAGERNESS, LEAST_URGENCY, MOST_URGENCY))


def plan(fleet: Fleet, forecast: Forecast, pace: Pace, price: float, fewest: int, most: int) -> Plan:
    """The number of replicas within the bounds that costs least; the present one among equals.

    `price` of a miss is in seconds of a replica.
    """
    numbers = np.arange(fewest, most + 1)
    horizon = fleet.startup_seconds + USE_SECONDS
    ahead = (np.arange(STEPS) + 0.5) * horizon / STEPS
    there = _ready_then(fleet, numbers, ahead)
    paths = forecast.paths(ahead)
    missed = _missed(fleet, pace, paths, there, horizon / STEPS)
    cost = _held_seconds(fleet, numbers) + price * missed
    best = _least(numbers, cost, fleet.asked)
    mean = float((paths.weights @ paths.rates).mean())
    return Plan(best, numbers, cost, missed, mean * horizon, mean * engine_seconds(pace))


def _ready_then(fleet: Fleet, numbers: NDArray[np.int64], ahead: Array) -> Array:
    """Replicas that serve, shape (numbers, times): the youngest go first, new ones come after a start-up."""
    waits = [max(0.0, fleet.startup_seconds - since) for since in fleet.starting_seconds]
    ready_at = np.array([*([0.0] * fleet.ready), *waits])
    there = np.zeros((len(numbers), len(ahead)))
    for place, number in enumerate(numbers):
        kept = np.sort(ready_at)[:number]
        there[place] = (kept[None, :] <= ahead[:, None]).sum(axis=1)
        there[place] += max(0, number - len(ready_at)) * (ahead >= fleet.startup_seconds)
    return there


def _missed(fleet: Fleet, pace: Pace, paths: Paths, there: Array, step_seconds: float) -> Array:
    """Requests missed over the horizon or still waiting at its end, mean over the paths, for each number of replicas.

    Those that wait are counted so that replicas are worth having even where all that arrives is late.

    A queue stays where it is: replicas that join later begin without one, and the gateway sends what arrives to the
    shorter queues, so old and new replicas are carried on apart until their queues are equally long.
    """
    work = engine_seconds(pace)
    shape = (there.shape[0], len(paths.weights))
    holding = max(1, fleet.ready)  # who is ready first takes what the gateway holds
    old = np.full(shape, fleet.backlog_seconds / holding)
    new, missed = np.zeros(shape), np.zeros(shape)
    first = late = np.zeros(shape)
    for moment in range(there.shape[1]):
        serving = there[:, moment, None]
        before, first = late, np.minimum(serving, holding)
        late = serving - first
        new = new * np.minimum(before, late) / np.maximum(late, 1)  # those that just came have no queue
        rate = paths.rates[None, :, moment]
        apart = (late > 0) & (new < old)
        taking = np.where(apart, late, serving)
        delay = np.where(late > 0, np.minimum(old, new), old)
        share = miss_probability(pace, rate * work, delay * taking, taking)
        missed += share * rate * step_seconds
        old, new = _carry_on(old, new, first, late, rate * work * step_seconds, step_seconds)
    draining = np.maximum(holding - np.maximum(first, 1), 0)
    own = max(0.0, fleet.backlog_seconds / holding - there.shape[1] * step_seconds)
    waiting = (old * np.maximum(first, 1) + new * late + own * draining) / work
    found: Array = (missed + waiting) @ paths.weights
    return found


def _carry_on(
    old: Array, new: Array, first: Array, late: Array, work: Array, step_seconds: float
) -> tuple[Array, Array]:
    """Both queues in seconds, after a step in which `work` (seconds of one replica) came to the shorter of them."""
    old = old - step_seconds * (first > 0)
    new = np.where(late > 0, new - step_seconds, old)
    gap = np.maximum(old - new, 0.0) * late
    apart = np.minimum(work, gap)
    new = new + apart / np.maximum(late, 1e-9)
    rest = (work - apart) / np.maximum(first + late, 1)
    old, new = old + rest, new + rest
    return np.maximum(old, 0.0), np.where(late > 0, np.maximum(new, 0.0), 0.0)


def _held_seconds(fleet: Fleet, numbers: NDArray[np.int64]) -> Array:
    """Over the time in which a replica asked for now would be of use; fewer save the start-up time, too."""
    changed = np.abs(numbers - fleet.asked)
    fewer = np.maximum(fleet.asked - numbers, 0)
    startup = fleet.startup_seconds
    held: Array = numbers * USE_SECONDS + changed * startup * USE_SECONDS / LIFE_SECONDS - fewer * startup
    return held


def _least(numbers: NDArray[np.int64], cost: Array, current: int) -> int:
    best = int(numbers[int(np.argmin(cost))])
    same = numbers == current
    if same.any() and cost[same][0] <= cost.min() * (1 + 1e-9):
        return current
    return best
