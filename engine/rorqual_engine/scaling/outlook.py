"""Predictive scaling of many services at once: from what is known of each to the number that costs it least."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rorqual_engine.load_history import Window
from rorqual_engine.plan import Experience, Option, Outlook
from rorqual_engine.promise import Promise, read_promise
from rorqual_engine.scaling.bounds import Bounds
from rorqual_engine.scaling.experience import TRUSTED_SLOWNESS, correct_pace, take_in
from rorqual_engine.scaling.load import Load
from rorqual_engine.scaling.predictive import (
    Case,
    Fleet,
    Pace,
    Plan,
    engine_seconds,
    forecast,
    miss_probability,
    plan,
    price_of_a_miss,
    stacked,
    urgency,
)
from rorqual_engine.scaling.predictive.pace import pace_of
from rorqual_engine.snapshot import Pod, Service
from rorqual_engine.timing import Capability

STARTUP_SECONDS = 120.0
"""Until a replica was seen to start."""
LENGTH_SECONDS = 120.0
"""Window over which lengths are measured."""
LEAST_SAMPLE = 20.0
"""Requests from which on measured lengths, and hits of the prefix cache, replace the expected ones."""
MOST_HELD = 0.98
"""Share of a prompt in the prefix cache that is counted on: its last tokens are computed in any case."""
PAST_SECONDS = 3600.0
"""Over which the goal is to be kept."""
COLD_STARTS = 3.0
"""Start-up times after the beginning of a service in which misses tell nothing of the policy."""
JUDGED_SECONDS = 300.0
"""Over which what was foretold is compared with what happened."""
LEAST_JUDGED = 30.0
"""Requests."""
MOST_SURPRISE = 0.25
"""Share of requests missed beyond what was foretold, from which on the model is not believed."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Of the requests that come now: means, in tokens, and the share of prompts that the prefix cache is to hold."""

    prompt: float
    answer: float
    prefix_hit_rate: float


@dataclass(frozen=True, slots=True)
class Question:
    """One service that is to be planned for, and what is remembered of it."""

    service: Service
    experience: Experience
    """Of the round before, by this round's law."""
    promise: Promise
    capability: Capability
    load: Load
    bounds: Bounds
    now: float

    @property
    def waiting(self) -> float:
        """Requests in the engines' queues."""
        return sum(one.waiting for one in self.load.healthy)


@dataclass(frozen=True, slots=True)
class Informed:
    """One service with what this round taught, ready to be planned for."""

    question: Question
    experience: Experience
    lengths: Lengths
    fleet: Fleet
    pace: Pace
    price: float
    missed: float

    @property
    def case(self) -> Case:
        bounds = self.question.bounds
        return Case(self.fleet, self.pace, self.price, bounds.minimum, bounds.maximum)


@dataclass(frozen=True, slots=True)
class Foresight:
    """A plan for one service, and what is to be remembered."""

    replicas: int
    outlook: Outlook
    experience: Experience


def ask(service: Service, load: Load, capability: Capability | None, bounds: Bounds, now: float) -> Question | None:
    """What planning needs; None without objectives, where the GPU's speed is not known, and before anything runs."""
    promise = read_promise(service.spec)
    if promise is None or capability is None or service.workload is None:
        return None
    experience = _by_this_law(service, capability, promise)
    return Question(service, experience, promise, capability, load, bounds, now)


def _by_this_law(service: Service, capability: Capability, promise: Promise) -> Experience:
    """What is remembered, with the slowness over this law: the pace that was seen is what it was, whatever the law."""
    old = service.memory.experience
    if old.timing is None or old.timing == capability.timing:
        return replace(old, timing=capability.timing)
    lengths = _lengths(service, old)
    then, now = (
        float(engine_seconds(_pace(lengths, replace(capability, timing=timing), promise, 1.0)))
        for timing in (old.timing, capability.timing)
    )
    learned = old.slowness != 1.0
    return replace(old, timing=capability.timing, slowness=old.slowness * then / now if learned else 1.0)


def foresee(questions: Sequence[Question]) -> list[Foresight]:
    """The plan for each, all of them at once."""
    if not questions:
        return []
    informed = _take_in_all(questions)
    histories = [one.experience.history for one in informed]
    expected = forecast([(history.at, history.column("arrived")) for history in histories])
    plans = plan([one.case for one in informed], expected)
    levels = zip(expected.level.tolist(), expected.deviation.tolist(), strict=True)
    return [_answer(*found) for found in zip(informed, plans, levels, strict=True)]


def _take_in_all(questions: Sequence[Question]) -> list[Informed]:
    """With what this round brought, beside what was foretold of it."""
    lengths = [_lengths(one.service, one.experience) for one in questions]
    paces = [
        _pace(of, one.capability, one.promise, one.experience.slowness)
        for one, of in zip(questions, lengths, strict=True)
    ]
    foretold = _foretold(questions, stacked(paces))
    return [_take_in(*each) for each in zip(questions, lengths, foretold, strict=True)]


def _take_in(one: Question, before: Lengths, foretold: float) -> Informed:
    experience = take_in(one.service, one.experience, one.promise, foretold)
    experience = correct_pace(experience, one.load, _pace(before, one.capability, one.promise, 1.0), one.now)
    lengths = _lengths(one.service, experience)
    pace = _pace(lengths, one.capability, one.promise, experience.slowness)
    startup = experience.startup_seconds or STARTUP_SECONDS
    missed, factor = _lately(one.service, experience, one.promise, startup, one.now)
    return Informed(
        question=one,
        experience=experience,
        lengths=lengths,
        fleet=_fleet(one.service, one.load, startup, one.waiting * engine_seconds(pace), one.now),
        pace=pace,
        price=price_of_a_miss(one.promise.goal, pace) * factor,
        missed=missed,
    )


def _answer(one: Informed, found: Plan, level: tuple[float, float]) -> Foresight:
    seconds = float(engine_seconds(one.pace))
    outlook = Outlook(
        goal=one.question.promise.goal,
        arrivals_per_second=level[0],
        arrivals_deviation=level[1],
        expected_per_second=found.offered / seconds,
        input_tokens=one.pace.input_tokens,
        output_tokens=one.pace.output_tokens,
        prefix_hit_rate=one.lengths.prefix_hit_rate,
        request_seconds=seconds,
        work_replicas=found.offered,
        waiting=one.question.waiting,
        ready=one.fleet.ready,
        starting=len(one.fleet.starting_seconds),
        startup_seconds=one.fleet.startup_seconds,
        horizon_seconds=found.horizon_seconds,
        missed=one.missed,
        slowness=one.experience.slowness,
        price_seconds=one.price,
        options=_options(found),
        trusted=_trusted(one.experience),
    )
    return Foresight(found.replicas, outlook, one.experience)


def _options(found: Plan) -> tuple[Option, ...]:
    rows = zip(found.numbers.tolist(), found.good_rates.tolist(), found.cost.tolist(), strict=True)
    return tuple(Option(*row) for row in rows)


def _lengths(service: Service, experience: Experience) -> Lengths:
    """Those that were measured; the expected ones while too little was seen."""
    window, expected = experience.history.window(LENGTH_SECONDS), service.spec.workload
    prompt = window.mean("prompt_tokens", "answered", LEAST_SAMPLE) or float(expected.input_tokens)
    answer = window.mean("generated_tokens", "finished", LEAST_SAMPLE) or float(expected.output_tokens)
    return Lengths(prompt, answer, _prefix_hit_rate(service, window))


def _pace(lengths: Lengths, capability: Capability, promise: Promise, slowness: float) -> Pace:
    limits = (promise.ttft_seconds, promise.itl_seconds)
    return pace_of(capability, lengths.prompt, lengths.answer, *limits, slowness, lengths.prefix_hit_rate)


def _prefix_hit_rate(service: Service, window: Window) -> float:
    """As it was measured; as the workload says while too little was seen, and where engines tell nothing of it."""
    seen = window.prefix_hit_rate if window.counts["answered"] >= LEAST_SAMPLE else None
    rate = service.spec.workload.prefix_hit_rate if seen is None else seen
    return min(rate, MOST_HELD)


def _foretold(questions: Sequence[Question], pace: Pace) -> list[float]:
    """Share of each one's arrivals of this round that the model expects to miss; 0 where nothing serves or came."""
    serving = np.array([float(one.load.serving) for one in questions])
    told = np.array([one.service.growth is not None for one in questions]) & (serving > 0)
    rate, waiting = np.array([_arrival_rate(one.service) for one in questions]), [one.waiting for one in questions]
    work = engine_seconds(pace)
    missed = miss_probability(pace, rate * work, np.array(waiting) * work, np.maximum(serving, 1.0))
    found: list[float] = np.where(told, missed, 0.0).tolist()
    return found


def _arrival_rate(service: Service) -> float:
    """Of this round, in requests a second."""
    growth = service.growth
    return growth.arrived / (growth.at - growth.since) if growth is not None and growth.at > growth.since else 0.0


def _trusted(experience: Experience) -> bool:
    """Whether no more was missed of late than was foretold, or too little was seen to tell; never at a wild pace."""
    slowest, fastest = TRUSTED_SLOWNESS[1], TRUSTED_SLOWNESS[0]
    if not fastest < experience.slowness < slowest:
        return False
    seen = experience.history.window(JUDGED_SECONDS)
    arrived = seen.counts["arrived"]
    if arrived < LEAST_JUDGED:
        return True
    return seen.missed - seen.counts["foretold"] / arrived <= MOST_SURPRISE


def _lately(
    service: Service, experience: Experience, promise: Promise, startup: float, now: float
) -> tuple[float, float]:
    """Share of requests missed in the past hour, and the factor that it puts on the price of a miss."""
    seconds = min(PAST_SECONDS, now - service.created_at - COLD_STARTS * startup)
    if seconds <= 0:
        return 0.0, 1.0
    seen = experience.history.window(seconds)
    return seen.missed, urgency(seen.missed, promise.goal, seen.seconds)


def _fleet(service: Service, load: Load, startup: float, backlog: float, now: float) -> Fleet:
    """Replicas as planning counts them: as many as are asked for, however many pods there are.

    One at fault counts as serving, so that a fault is not made up for as if it were load.
    """
    asked = service.workload.replicas if service.workload else 0
    pods = [pod for pod in service.pods if not pod.terminating]
    since = sorted((_starting_seconds(pod, now) for pod in pods if pod.name in load.starting), reverse=True)
    ready = min(asked, len(pods) - len(since))
    starting = [*since, *[0.0] * asked][: asked - ready]
    return Fleet(ready, tuple(starting), startup, backlog)


def _starting_seconds(pod: Pod, now: float) -> float:
    """One that has no node yet has not begun."""
    return max(0.0, now - pod.created_at) if pod.node is not None else 0.0
