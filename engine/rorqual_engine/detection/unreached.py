"""Replicas that get no requests any more, while their siblings work on what would have been theirs.

An engine that stops with nothing in hand shows just that, and looks idle: vLLM's API server goes on to answer probes
and scrapes for a process with the model that does not (`docs/explanation/diagnosis.md`, on a GPU). Or no router knows
the replica any more. A router that gives each request to the replica with the fewest may well leave one idle while the
load is low: only what comes while every sibling has something in hand counts as missed.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rorqual_engine.plan import Advice, Evidence, Reach, Reason, Symptom, Verdict
from rorqual_engine.snapshot import EngineMetrics, Heard
from rorqual_engine.units import format_duration

LEAST_MISSED = 20.0
"""Requests that passed it by. Where each goes anywhere, chance makes none of 20 that are expected with e^-20."""
LEAST_ROUNDS = 12
"""Until it is known how many it usually gets."""
LEARNING = 1.0 / 60.0
"""Of a round, in what is usual."""
MOST_SHARE = 0.9
"""Of all requests; beyond it siblings tell too little of what it would get."""
MOST_ROUND_SECONDS = 60.0


def follow_requests(known: tuple[Reach, ...], heard: Sequence[Heard], now: float) -> tuple[Reach, ...]:
    """Of each pod that is heard."""
    before = {one.pod: one for one in known}
    total = sum(metrics.requests_per_second or 0.0 for _, metrics in heard)
    found = []
    for pod, metrics in heard:
        reach = before.get(pod.name) or Reach(pod.name, now)
        if metrics.idle_seconds:
            found.append(_missing(reach, metrics, heard, total, now))
        else:
            found.append(_reached(reach, metrics, total / len(heard), now))
    return tuple(found)


def _reached(known: Reach, metrics: EngineMetrics, even: float, now: float) -> Reach:
    """With how many it got beside an `even` share; a round without requests says nothing of it."""
    own = metrics.requests_per_second or 0.0
    if own <= 0:
        return replace(known, at=now, missed=0.0, idle_seconds=0.0)
    rounds = known.rounds + 1
    weight = known.weight + max(LEARNING, 1.0 / rounds) * (own / even - known.weight)
    return Reach(known.pod, now, weight, rounds)


def _missing(known: Reach, metrics: EngineMetrics, heard: Sequence[Heard], total: float, now: float) -> Reach:
    """With what went to siblings meanwhile, and would have come to it."""
    siblings = [other for pod, other in heard if pod.name != known.pod]
    theirs, idle = total - (metrics.requests_per_second or 0.0), metrics.idle_seconds or 0.0
    if known.idle_seconds:
        idle = max(idle, known.idle_seconds + now - known.at)
    missed = known.missed
    if siblings:
        share = min(known.weight / len(heard), MOST_SHARE)
        seconds = min(now - known.at, MOST_ROUND_SECONDS)
        missed += theirs * share / (1.0 - share) * seconds * math.prod(map(_busy, siblings))
    return replace(known, at=now, missed=missed, idle_seconds=idle)


def _busy(metrics: EngineMetrics) -> float:
    """Share of the time in which it has something in hand: of a queue with as many in it on average, by Little's law.

    Requests that come at random find 1 - e^-L of the time somebody there (M/G/infinity; with fewer places, more).
    """
    if metrics.tpot_mean_seconds is None or metrics.generation_tokens_per_second is None:
        return float(metrics.running + metrics.waiting >= 1)
    return -math.expm1(-metrics.generation_tokens_per_second * metrics.tpot_mean_seconds)


def find_unreached(reach: Iterable[Reach]) -> list[Symptom]:
    """Pods that got none of what they would have got."""
    return [_unreached(one) for one in reach if one.rounds >= LEAST_ROUNDS and one.missed >= LEAST_MISSED]


def _unreached(one: Reach) -> Symptom:
    evidence = Evidence(
        metric="requests",
        observed=f"none for {format_duration(one.idle_seconds)}, while its siblings had some in hand",
        expected=f"about {one.missed:.0f}: it usually gets {one.weight:.1f} times an even share",
        pod=one.pod,
    )
    strength = one.missed / LEAST_MISSED
    return Symptom(Verdict.FAULT, Reason.NOT_REACHED, evidence, strength, 0.0, Advice.RESTART_POD)
