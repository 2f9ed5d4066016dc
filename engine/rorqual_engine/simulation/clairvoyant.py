"""What scaling could do that knows the whole trace: points that were reached by search, and a bound that is proven.

`search` judges schedules of replicas by the simulator itself, so each of its points can be had; that none is better is
not proven. `least_gpu_seconds` is a lower bound for every policy, and a loose one: it knows nothing of batches that are
not full, of start-up, or of idle replicas.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.simulation.policy import Decision, Facts, View
from rorqual_engine.simulation.requests import Requests
from rorqual_engine.simulation.run import Outcome, Scenario, Separate, Service, simulate
from rorqual_engine.simulation.score import Score, score

Schedule = tuple[int, ...]
"""Replicas to ask for in each slot."""
HEADROOMS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
"""Replicas over the least that the work of a slot needs, of the schedules that a search begins with."""
SPANS = (8, 4, 2, 1)
"""Slots that one move of the search changes together."""
NAME = "service"


class Scheduled:
    """Follows a schedule; its last entry holds until the end."""

    interval_seconds = 5.0

    def __init__(self, schedule: Schedule, slot_seconds: float) -> None:
        self._schedule, self._slot = schedule, slot_seconds

    def decide(self, view: View) -> Decision:
        place = min(int(view.now / self._slot), len(self._schedule) - 1)
        return Decision(self._schedule[place], "scheduled")


@dataclass(frozen=True, slots=True)
class Point:
    """A schedule and how well it did."""

    schedule: Schedule
    score: Score

    @property
    def gpu_seconds(self) -> float:
        return self.score.gpu_hours * 3600

    @property
    def missed(self) -> float:
        return (1.0 - self.score.good_rate) * self.score.requests

    def cost(self, price: float) -> float:
        """GPU-seconds, and missed requests at `price` GPU-seconds each."""
        return self.gpu_seconds + price * self.missed


@dataclass(frozen=True, slots=True)
class Effort:
    """How far to search."""

    prices: tuple[float, ...]
    """Of a missed request, in GPU-seconds; each is searched for by itself."""
    slot_seconds: float
    moves: int
    """Schedules tried for each price, besides those that all begin with."""
    seed: int = 0


def search(
    service: Service, effort: Effort, scenario_seed: int = 0, known: Sequence[Schedule] = ()
) -> tuple[Point, ...]:
    """The frontier of all schedules tried: ascending in GPU-seconds and in good rate.

    `known` are schedules to begin with besides its own, such as what policies did on the same requests.
    """
    seen: dict[Schedule, Point] = {}

    def judge(schedule: Schedule) -> Point:
        if schedule not in seen:
            seen[schedule] = _run(service, schedule, effort.slot_seconds, scenario_seed)
        return seen[schedule]

    begun = [judge(one) for one in (*_beginnings(service, effort.slot_seconds), *known)]
    random = np.random.default_rng(effort.seed)
    for price in effort.prices:
        _descend(min(begun, key=lambda one: one.cost(price)), price, judge, (service.facts, effort.moves, random))
    return frontier(tuple(seen.values()))


def schedule_of(outcome: Outcome, slot_seconds: float) -> Schedule:
    """What a policy asked for, in slots: of each the most, so that nothing came later than it did."""
    slots = max(1, math.ceil(outcome.service.requests.duration_seconds / slot_seconds))
    at = np.array([0.0, *(one.at for one in outcome.decisions)])
    asked = np.array([outcome.service.initial_replicas, *(one.replicas for one in outcome.decisions)])
    before = asked[np.searchsorted(at, slot_seconds * np.arange(slots), side="right") - 1]
    np.maximum.at(before, np.minimum((at / slot_seconds).astype(np.int64), slots - 1), asked)
    return tuple(before.tolist())


def frontier(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Those with a better good rate than every cheaper one."""
    kept: list[Point] = []
    for one in sorted(points, key=lambda point: (point.gpu_seconds, -point.score.good_rate)):
        if not kept or one.score.good_rate > kept[-1].score.good_rate:
            kept.append(one)
    return tuple(kept)


def request_seconds(facts: Facts, requests: Requests) -> NDArray[np.float64]:
    """The least time of a replica that each request takes, one entry a request.

    Its prompt's own part of the steps, and for each token after the first its part of a step of the fullest batch,
    which attends to the prompt at least.
    """
    timing = facts.timing
    prompt = requests.input_tokens.astype(np.float64)
    cached = requests.cached_tokens.astype(np.float64)
    fresh = prompt - cached
    prefill = timing.prompt_seconds * fresh + timing.attention_seconds * fresh * (cached + fresh / 2)
    token = timing.step_seconds / facts.sequences + timing.sequence_seconds + timing.context_seconds * prompt
    found: NDArray[np.float64] = prefill + (requests.output_tokens - 1) * token
    return found


def least_gpu_seconds(facts: Facts, requests: Requests, good_rate: float) -> float:
    """Proven: no policy reaches that good rate with less, even if it serves only the cheapest requests."""
    good = math.ceil(good_rate * len(requests) - 1e-9)
    work = float(np.sort(request_seconds(facts, requests))[:good].sum())
    return facts.gpus_per_replica * max(work, facts.min_replicas * requests.duration_seconds)


def _run(service: Service, schedule: Schedule, slot_seconds: float, seed: int) -> Point:
    controller = Separate({NAME: Scheduled(schedule, slot_seconds)})
    return Point(schedule, score(simulate(Scenario({NAME: service}, seed=seed), controller)[NAME]))


def _beginnings(service: Service, slot_seconds: float) -> list[Schedule]:
    """Every fixed number, and the needs of the time at which a replica asked for in the slot would be ready."""
    facts = service.facts
    slots = max(1, math.ceil(service.requests.duration_seconds / slot_seconds))
    fixed = [(number,) * slots for number in range(facts.min_replicas, facts.max_replicas + 1)]
    needs = _needs(service, slots, slot_seconds)
    return fixed + [_within(np.ceil(headroom * needs), facts) for headroom in HEADROOMS]


def _needs(service: Service, slots: int, slot_seconds: float) -> NDArray[np.float64]:
    """Replicas' worth of work in each slot or, whichever is more, one start-up later."""
    requests = service.requests
    place = np.minimum((requests.arrival_seconds / slot_seconds).astype(np.int64), slots - 1)
    work = np.bincount(place, request_seconds(service.facts, requests), slots) / slot_seconds
    ahead = math.ceil(service.facts.startup_seconds / slot_seconds)
    return np.array([work[slot : slot + ahead + 1].max() for slot in range(slots)])


def _descend(
    best: Point, price: float, judge: Callable[[Schedule], Point], limits: tuple[Facts, int, np.random.Generator]
) -> None:
    """Changes spans of slots by one replica, the long ones first, and keeps what is cheaper."""
    facts, moves, random = limits
    for move in range(moves):
        span = SPANS[move * len(SPANS) // moves]
        begin = int(random.integers(0, len(best.schedule)))
        changed = np.array(best.schedule)
        changed[begin : begin + span] += random.choice((-1, 1))
        best = min(best, judge(_within(changed, facts)), key=lambda one: one.cost(price))


def _within(replicas: NDArray[np.generic], facts: Facts) -> Schedule:
    return tuple(int(one) for one in np.clip(replicas.astype(np.int64), facts.min_replicas, facts.max_replicas))
