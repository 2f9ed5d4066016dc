"""Requests of other lengths, or hits of the prefix cache, than before: the configuration was made for others."""

import math
from collections.abc import Sequence

from rorqual_engine.load_history import Window
from rorqual_engine.plan import Advice, Evidence, Reason, Symptom, Verdict
from rorqual_engine.snapshot import Service

RECENT_SECONDS = 60.0
APART_SECONDS = 300.0
"""Between what is usual and now, so that a change does not hide itself."""
USUAL_SECONDS = 3600.0
LEAST_USUAL_SECONDS = 300.0
"""That is known of before it."""
LEAST_REQUESTS = 30.0
CHANGE = 1.8
"""Factor of the mean, up or down, that counts; a chat's hours differ by up to 1.7 (Azure 2023)."""
VARIATION = 1.5
"""Standard deviation of lengths over their mean that is reckoned with; production's are 0.5 to 1.5."""
DEVIATIONS = 4.0
"""Standard errors that a change must be, besides."""
LEAST_LEFT = 0.05
"""Share of prompts that is reckoned to be left by any prefix cache: less makes no difference."""
SETTLE_SECONDS = 10.0


def find_drift(service: Service) -> list[Symptom]:
    """Of prompts, of answers, and of what the prefix cache leaves of prompts."""
    history = service.memory.experience.history
    windows = [history.window(seconds) for seconds in (RECENT_SECONDS, APART_SECONDS, USUAL_SECONDS)]
    lengths = [
        symptom
        for name, tokens, requests in (
            ("prompt length", "prompt_tokens", "answered"),
            ("answer length", "generated_tokens", "finished"),
        )
        if (symptom := _changed(windows, name, tokens, requests)) is not None
    ]
    cached = _cached(windows)
    return lengths if cached is None else [*lengths, cached]


def _changed(windows: Sequence[Window], name: str, tokens: str, requests: str) -> Symptom | None:
    recent, apart, whole = windows
    before = whole.counts[requests] - apart.counts[requests]
    if not _told(windows, requests):
        return None
    usual = (whole.counts[tokens] - apart.counts[tokens]) / before
    now = _mean(recent, tokens, requests)
    strength = _strength(now, usual, recent.counts[requests])
    if strength < 1.0:
        return None
    observed, expected = f"{now:.0f} tokens over {recent.seconds:.0f} s", f"about {usual:.0f} tokens"
    return _symptom(name, observed, f"{expected}, as in the hour before", strength)


def _cached(windows: Sequence[Window]) -> Symptom | None:
    """By the share of prompts that is left to compute, for that is what it costs."""
    recent, apart, whole = windows
    queried = whole.counts["prefix_queried"] - apart.counts["prefix_queried"]
    if not _told(windows, "answered") or queried <= 0 or recent.prefix_hit_rate is None:
        return None
    usual = (whole.counts["prefix_hit"] - apart.counts["prefix_hit"]) / queried
    now = recent.prefix_hit_rate
    left, was_left = (max(LEAST_LEFT, 1.0 - rate) for rate in (now, usual))
    strength = _strength(left, was_left, recent.counts["answered"])
    if strength < 1.0:
        return None
    observed = f"{now:.0%} of the prompts' tokens over {recent.seconds:.0f} s"
    return _symptom("prefix cache hits", observed, f"about {usual:.0%}, as in the hour before", strength)


def _told(windows: Sequence[Window], requests: str) -> bool:
    """Whether enough is known of now and of before."""
    recent, apart, whole = windows
    before = whole.counts[requests] - apart.counts[requests]
    known = whole.seconds - apart.seconds >= LEAST_USUAL_SECONDS
    return known and min(before, recent.counts[requests]) >= LEAST_REQUESTS


def _strength(now: float, usual: float, requests: float) -> float:
    """Of a change of the mean over so many requests; 1 is just enough."""
    if usual <= 0 or now <= 0:
        return 0.0
    least = max(math.log(CHANGE), DEVIATIONS * VARIATION / math.sqrt(requests))
    return abs(math.log(now / usual)) / least


def _symptom(metric: str, observed: str, expected: str, strength: float) -> Symptom:
    evidence = Evidence(metric, observed, expected)
    return Symptom(Verdict.DRIFT, Reason.WORKLOAD_CHANGED, evidence, strength, SETTLE_SECONDS, Advice.RETUNE)


def _mean(window: Window, tokens: str, requests: str) -> float:
    return window.counts[tokens] / window.counts[requests]
