"""What a round teaches predictive scaling about a service: its load, its replicas' start-up and their pace."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from rorqual_engine.load_history import LoadHistory
from rorqual_engine.plan import Experience, Saturation
from rorqual_engine.promise import Promise
from rorqual_engine.scaling.load import Load
from rorqual_engine.scaling.predictive import Pace
from rorqual_engine.snapshot import Growth, Pod, Service

QUEUE = 2.0
"""Waiting requests of a replica from which on it is taken to be busy."""
SATURATED_SECONDS = 15.0
TRUSTED_SLOWNESS = (0.5, 20.0)
"""Beyond it something else is the matter than a law that is off."""


def take_in(service: Service, known: Experience, promise: Promise, foretold: float) -> Experience:
    """What is known, with this round's growth; `foretold` is the share of its requests expected to miss."""
    old, growth = _recalled(service, known, promise), service.growth
    running = service.workload.configuration if service.workload else None
    if old.configuration != running:
        old = Experience(old.history, running, timing=old.timing)
    startup = _startup_seconds(service.pods)
    history = old.history
    if growth is not None:
        history = history.add(growth.since, growth.at, _counts(growth, promise, foretold))
    return replace(old, history=history, startup_seconds=old.startup_seconds if startup is None else startup)


def _recalled(service: Service, old: Experience, promise: Promise) -> Experience:
    """What is remembered; of a service that nothing is, what its metrics store has, misses spread evenly over it."""
    past = service.past
    if past is None or len(old.history):
        return old
    answered = past.history.column("finished")
    shares = [late / total if total else 0.0 for late, total in (
        above(past.ttft, promise.ttft_seconds), above(past.tpot, promise.itl_seconds)
    )]  # fmt: skip
    columns = {name: past.history.column(name) for name in ("arrived", "finished", "prompt_tokens", "generated_tokens")}
    told = {"answered": answered, "late": answered * shares[0], "timed": answered, "slow": answered * shares[1]}
    return replace(old, history=LoadHistory.of({"at": past.history.at, **columns, **told}))


def _counts(growth: Growth, promise: Promise, foretold: float) -> dict[str, float]:
    late, answered = above(growth.ttft, promise.ttft_seconds)
    slow, timed = above(growth.tpot, promise.itl_seconds)
    return {
        "arrived": growth.arrived,
        "answered": answered,
        "late": late,
        "timed": timed,
        "slow": slow,
        "foretold": foretold * growth.arrived,
        "finished": growth.finished,
        "prompt_tokens": growth.prompt_tokens,
        "generated_tokens": growth.generated_tokens,
        "prefix_queried": growth.prefix_queried,
        "prefix_hit": growth.prefix_hit,
    }


def above(buckets: Mapping[float, float], limit: float) -> tuple[float, float]:
    """How many of a cumulative histogram are above `limit`, straight within its bucket, and how many there are.

    What is in the unbounded bucket is above every finite limit.
    """
    total = buckets.get(math.inf, 0.0)
    if math.isinf(limit) or total <= 0:
        return 0.0, total
    bounds = sorted(bound for bound in buckets if math.isfinite(bound))
    at_most = float(np.interp(limit, [0.0, *bounds], [0.0, *(buckets[bound] for bound in bounds)]))
    return max(0.0, total - at_most), total


def _startup_seconds(pods: tuple[Pod, ...]) -> float | None:
    """The median over pods that never restarted."""
    took = [pod.ready_since - pod.created_at for pod in pods if pod.ready_since is not None and pod.restarts == 0]
    return statistics.median(took) if took else None


def correct_pace(experience: Experience, load: Load, pace: Pace, now: float) -> Experience:
    """With the slowness that shows where every replica has requests waiting: `pace` is by the law alone."""
    known = load.healthy
    busy = bool(known) and not load.missing and not load.faulty and all(one.waiting > QUEUE for one in known)
    if not busy or not len(experience.history):
        return replace(experience, saturation=None)
    begun = experience.saturation
    prompts, generated = (float(experience.history.column(name)[-1]) for name in ("prompt_tokens", "generated_tokens"))
    if begun is None or begun.replicas != len(known):
        return replace(experience, saturation=Saturation(now, len(known), prompts, generated))
    running = statistics.fmean(one.running for one in known)
    work = _work(pace, prompts - begun.prompt_tokens, generated - begun.generated_tokens, running)
    if now - begun.since < SATURATED_SECONDS or work <= 0:
        return experience
    slowness = float(np.clip(len(known) * (now - begun.since) / work, *TRUSTED_SLOWNESS))
    return replace(experience, slowness=slowness)


def _work(pace: Pace, prompt_tokens: float, generated_tokens: float, running: float) -> float:
    """Seconds of one replica by the law, for so many tokens with so many sequences at once."""
    token = pace.step_seconds / max(1.0, running) + pace.sequence_seconds
    return float(prompt_tokens / max(1.0, pace.input_tokens) * pace.prefill_seconds + generated_tokens * token)
