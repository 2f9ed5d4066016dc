"""Replicas that are slower than they ought to be: than siblings, another version, their own past, or other services."""

import math
from collections.abc import Sequence
from dataclasses import replace

from rorqual_engine.detection.pace import Pace, middle
from rorqual_engine.plan import Advice, Evidence, Reason, Symptom, Verdict, Watch
from rorqual_engine.units import format_duration

SLOWER = 1.4
"""Least factor that counts: less is nobody's trouble, and within what a law is off."""
SPREADS = 5.0
"""Usual distances between siblings that it must be, besides: some machines are less even than others."""
MOST_ASKED = 3.0
"""Factor that counts however uneven siblings usually are: two vLLMs that shared two cores differed by up to 1.7, and by
4 to 6 while one of them had 15 % of its time."""
MOST_SLOWER = 30.0
"""Beyond it no GPU is that slow, and still at work: a metric changed its unit, say."""
SETTLE_SECONDS = 20.0
"""For the least factor; the slower, the sooner."""
MOST_FILLING = 0.5
"""Share of the time for prompts up to which, without a queue, a law holds well enough to compare loads of two times."""
FAR_SLOWER = 2.0
"""Factor that no law is off by, whatever the load, and that counts before anything is known."""
NEIGHBOURS = 2.5
"""Factor that counts on GPUs that pods share: eleven vLLMs on one H200 took 2.2 times as long for a token once all of
them had work and something else ran beside (`bench/diagnosis_recorded.py`)."""
LEAST_ROUNDS = 12
"""Until what is usual is known."""
LEARNING = 1.0 / 120.0
"""Weight of a round in what is usual: with ticks of 10 s, it follows within twenty minutes."""


def find_slow(
    found: Sequence[Pace], watch: Watch, with_others: float | None = None, shared: bool = False
) -> list[Symptom]:
    """Pods behind their siblings, or else all behind what is usual: with this service, or else `with_others`.

    `shared` is whether its GPUs work for other pods, too.
    """
    residuals, least = [one.residual for one in found], least_factor(watch, shared)
    usual = watch.usual_pace if knows_its_pace(watch) else with_others
    if not found or max(residuals) < least * min(min(residuals), usual or math.inf):
        return []
    versions = _slow_version(found, least)
    if versions:
        return versions
    pods = [symptom for one in found if (symptom := _behind_siblings(one, found, least)) is not None]
    if pods and 2 * len(pods) <= len(found):
        return pods
    return [] if usual is None else _behind_usual(found, watch, usual, least)


def knows_its_pace(watch: Watch) -> bool:
    """Whether what is usual was learned from enough rounds."""
    return watch.usual_pace is not None and watch.pace_rounds >= LEAST_ROUNDS


def least_factor(watch: Watch, shared: bool = False) -> float:
    """From which on a replica is slow."""
    known = watch.pace_rounds >= LEAST_ROUNDS
    found = min(max(SLOWER, math.exp(SPREADS * watch.pace_spread)), MOST_ASKED) if known else FAR_SLOWER
    return max(found, NEIGHBOURS) if shared else found


def _behind_siblings(one: Pace, found: Sequence[Pace], least: float) -> Symptom | None:
    others = middle([other.residual for other in found if other is not one])
    if others is None:
        return None
    return _symptom(one, one.residual / others, least, "by its siblings", Advice.RESTART_POD)


def _symptom(one: Pace, factor: float, least: float, beside: str, advice: Advice) -> Symptom | None:
    if not least <= factor <= MOST_SLOWER:
        return None
    evidence = Evidence(
        metric="time between tokens",
        observed=f"{format_duration(one.observed_seconds)}, {factor:.1f} times as long",
        expected=f"about {format_duration(one.observed_seconds / factor)} {beside} at this load",
        pod=one.pod.name,
    )
    strength = math.log(factor) / math.log(least)
    settle = SETTLE_SECONDS / strength
    return Symptom(Verdict.FAULT, Reason.SLOW, evidence, strength, settle, advice)


def _slow_version(found: Sequence[Pace], least: float) -> list[Symptom]:
    """While two versions serve: every pod of the slower one, where each is behind the middle of the other."""
    by_version: dict[str | None, list[Pace]] = {}
    for one in found:
        by_version.setdefault(one.pod.version, []).append(one)
    if len(by_version) != 2 or None in by_version:
        return []
    first, second = by_version.values()
    for slower, other in ((first, second), (second, first)):
        usual = middle([one.residual for one in other])
        if usual is None or not all(one.residual >= least * usual for one in slower) or len(other) < 2 > len(slower):
            continue
        return _symptoms(slower, usual, least, "by the other version", Advice.ROLL_BACK)
    return []


def _behind_usual(found: Sequence[Pace], watch: Watch, usual: float, least: float) -> list[Symptom]:
    """Every pod, where the middle one is behind: nobody is left to compare with but the past, or other services."""
    now = middle([one.residual for one in found])
    if now is None or now < least * usual:
        return []
    laden = any(one.filling > MOST_FILLING or (one.pod.metrics and one.pod.metrics.waiting > 0) for one in found)
    if laden and now < FAR_SLOWER * usual:
        return []
    changed = all(one.pod.version not in (None, watch.usual_version) for one in found)
    if not knows_its_pace(watch):
        beside, advice = "by other services with this model and GPU", Advice.LOOK
    else:
        beside, advice = ("by the version before", Advice.ROLL_BACK) if changed else ("by its own past", Advice.LOOK)
    return _symptoms(found, usual, least, beside, advice)


def _symptoms(found: Sequence[Pace], usual: float, least: float, beside: str, advice: Advice) -> list[Symptom]:
    """Of each that is behind."""
    made = (_symptom(one, one.residual / usual, least, beside, advice) for one in found)
    return [symptom for symptom in made if symptom is not None]


def learn_pace(watch: Watch, found: Sequence[Pace], quiet: bool) -> Watch:
    """With what is usual now; a round in which anything seems to be the matter teaches nothing.

    Not only one in which it is believed: a fault that sets in while little is known would raise its own threshold.
    """
    now = middle([one.residual for one in found])
    if now is None or not quiet:
        return watch
    weight = max(LEARNING, 1.0 / (watch.pace_rounds + 1))
    usual = now if watch.usual_pace is None else watch.usual_pace
    return replace(
        watch,
        usual_pace=usual * (now / usual) ** weight,
        pace_spread=watch.pace_spread + weight * (_spread(found) - watch.pace_spread),
        pace_rounds=watch.pace_rounds + 1,
        usual_version=found[0].pod.version,
    )


def _spread(found: Sequence[Pace]) -> float:
    """Mean distance of the logarithms from the middle one; of two, of one from the other."""
    logs = sorted(math.log(one.residual) for one in found)
    if len(logs) == 2:
        return logs[1] - logs[0]
    centre = logs[len(logs) // 2]
    return sum(abs(one - centre) for one in logs) / len(logs)
