"""Rorqual's own policy behind the simulator's Protocol."""

from dataclasses import replace

import numpy as np

from rorqual_engine.scaling.predictive import (
    Fleet,
    Pace,
    Plan,
    engine_seconds,
    forecast,
    plan,
    price_of_a_miss,
    urgency,
)
from rorqual_engine.simulation.pace import pace_of
from rorqual_engine.simulation.policy import Decision, Facts, Figures, View

LENGTH_SECONDS = 120.0
"""Window over which lengths are measured."""
LEAST_SAMPLE = 20
"""Requests from which on measured lengths replace the expected ones."""
SATURATED_SECONDS = 15.0
QUEUE = 2.0
"""Waiting requests of a replica from which on it is taken to be busy."""
TRUSTED_SLOWNESS = (0.5, 4.0)
PAST_SECONDS = 3600.0
"""Over which the goal is to be kept."""
COLD_STARTS = 3.0
"""Start-up times after the beginning of a service in which misses tell nothing of the policy."""


class Rorqual:
    """Model-predictive: the number of replicas whose GPUs and missed requests together cost least."""

    interval_seconds = 5.0

    def __init__(self, facts: Facts, *, goal: float = 0.95) -> None:
        self._facts, self._goal = facts, goal
        self._planned: list[tuple[float, int]] = []
        self._slowness = 1.0
        self._full: tuple[float, float, int] | None = None
        """Since when all replicas have requests waiting, the work they had done by then, and how many they are."""

    def decide(self, view: View) -> Decision:
        """Holds while nothing is known of the replicas; else what the plan says."""
        if view.ready == 0 and view.held == 0:
            return Decision(view.asked, "no replica is ready")
        found = self.plan(view)
        return Decision(self._steady(view, found.replicas), _why(found))

    def _steady(self, view: View, planned: int) -> int:
        """Shrinks to the most that was planned within one start-up time, for sooner nothing could come back.

        Not at all while some replica's figures are not known.
        """
        kept = [(at, number) for at, number in self._planned if view.now - at < self._facts.startup_seconds]
        self._planned = [*kept, (view.now, planned)]
        highest = max(number for _, number in self._planned)
        return max(planned, view.asked if view.missing else min(view.asked, highest))

    def plan(self, view: View) -> Plan:
        """All that the decision follows from."""
        facts = self._facts
        pace = self._corrected(view, pace_of(self._facts, *_lengths(view, self._facts)))
        fleet = Fleet(view.ready, tuple(view.starting_seconds), facts.startup_seconds, _backlog(view, pace))
        expected = forecast(view.history.column("at"), view.history.column("arrived"))
        price = price_of_a_miss(self._goal, pace) * self._urgency(view)
        return plan(fleet, expected, pace, price, facts.min_replicas, facts.max_replicas)

    def _corrected(self, view: View, pace: Pace) -> Pace:
        """The law's pace, slowed or hastened to what replicas did when all of them had requests waiting."""
        saturated = len(view.waiting) > 0 and bool((view.waiting > QUEUE).all()) and view.missing == 0
        work = _work_done(view, pace) if saturated else 0.0
        if not saturated or self._full is None or self._full[2] != view.ready:
            self._full = (view.now, work, view.ready) if saturated else None
        elif view.now - self._full[0] >= SATURATED_SECONDS and work > self._full[1]:
            took = view.ready * (view.now - self._full[0])
            self._slowness = float(np.clip(took / (work - self._full[1]), *TRUSTED_SLOWNESS))
        slow = self._slowness
        return replace(
            pace,
            prefill_seconds=pace.prefill_seconds * slow,
            step_seconds=pace.step_seconds * slow,
            sequence_seconds=pace.sequence_seconds * slow,
        )

    def _urgency(self, view: View) -> float:
        """Factor on the price of a miss: above 1 while more were missed in the past hour than the goal allows."""
        facts = self._facts
        seconds = min(PAST_SECONDS, view.now - COLD_STARTS * facts.startup_seconds)
        if seconds <= 0:
            return 1.0
        seen = view.history.window(seconds)
        late = _share_above(seen.ttft_seconds, facts.ttft_seconds)
        slow = _share_above(seen.itl_seconds, facts.itl_seconds)
        return urgency(late + slow - late * slow, self._goal, seen.seconds)


def _work_done(view: View, pace: Pace) -> float:
    """Seconds of one replica for all tokens so far, at the law's pace and the concurrency of now."""
    prompts = float(view.history.column("prompt_tokens")[-1]) / max(1.0, pace.input_tokens)
    token = pace.step_seconds / max(1.0, float(view.running.mean())) + pace.sequence_seconds
    return prompts * pace.prefill_seconds + float(view.history.column("generated_tokens")[-1]) * token


def _lengths(view: View, facts: Facts) -> tuple[float, float]:
    """Measured mean prompt and answer; the expected ones while too little was seen."""
    window = view.history.window(LENGTH_SECONDS)
    prompt = window.input_tokens if window.counts["arrived"] >= LEAST_SAMPLE else None
    answer = window.output_tokens if window.counts["finished"] >= LEAST_SAMPLE else None
    return prompt or facts.input_tokens, answer or facts.output_tokens


def _backlog(view: View, pace: Pace) -> float:
    """Seconds of one replica for what waits in engines and at the gateway."""
    waiting = float(np.sum(view.waiting)) + view.held
    return waiting * engine_seconds(pace)


def _share_above(values: Figures, limit: float) -> float:
    return float((values > limit).mean()) if len(values) else 0.0


def _why(found: Plan) -> str:
    return (
        f"{found.offered:.2f} replicas of work are expected; {found.replicas} leave {found.good_rate:.1%} of "
        f"{found.arrivals:.0f} requests good"
    )
