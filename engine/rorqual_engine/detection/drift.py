"""Requests whose lengths are not what they were: the configuration was made for others."""

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
SETTLE_SECONDS = 10.0


def find_drift(service: Service) -> list[Symptom]:
    """Of prompts and of answers."""
    history = service.memory.experience.history
    windows = [history.window(seconds) for seconds in (RECENT_SECONDS, APART_SECONDS, USUAL_SECONDS)]
    return [
        symptom
        for name, tokens, requests in (
            ("prompt length", "prompt_tokens", "answered"),
            ("answer length", "generated_tokens", "finished"),
        )
        if (symptom := _changed(windows, name, tokens, requests)) is not None
    ]


def _changed(windows: Sequence[Window], name: str, tokens: str, requests: str) -> Symptom | None:
    recent, apart, whole = windows
    before = whole.counts[requests] - apart.counts[requests]
    if whole.seconds - apart.seconds < LEAST_USUAL_SECONDS or min(before, recent.counts[requests]) < LEAST_REQUESTS:
        return None
    usual = (whole.counts[tokens] - apart.counts[tokens]) / before
    now = _mean(recent, tokens, requests)
    if usual <= 0 or now <= 0:
        return None
    change, error = abs(math.log(now / usual)), VARIATION / math.sqrt(recent.counts[requests])
    if change < max(math.log(CHANGE), DEVIATIONS * error):
        return None
    evidence = Evidence(
        metric=name,
        observed=f"{now:.0f} tokens over {recent.seconds:.0f} s",
        expected=f"about {usual:.0f} tokens, as in the hour before",
    )
    strength = change / max(math.log(CHANGE), DEVIATIONS * error)
    return Symptom(Verdict.DRIFT, Reason.WORKLOAD_CHANGED, evidence, strength, SETTLE_SECONDS, Advice.RETUNE)


def _mean(window: Window, tokens: str, requests: str) -> float:
    return window.counts[tokens] / window.counts[requests]
