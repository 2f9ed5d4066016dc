"""Symptoms over time: believed once they stay, and forgotten once they are gone for a while."""

from collections.abc import Iterable
from dataclasses import replace

from rorqual_engine.plan import Suspicion, Symptom

GAP_SECONDS = 25.0
"""A symptom that is back within it was never gone."""
LINGER_SECONDS = 40.0
"""That one which was believed counts after it was last seen."""

Key = tuple[str, str | None, str]


def settle(symptoms: Iterable[Symptom], known: Iterable[Suspicion], now: float) -> tuple[Suspicion, ...]:
    """What is suspected now; `settled` ones count."""
    before = {_key(one.symptom): one for one in known}
    seen = {_key(one): _seen(one, before.get(_key(one)), now) for one in symptoms}
    kept = (one for key, one in before.items() if key not in seen and _still(one, now))
    return (*seen.values(), *kept)


def _seen(symptom: Symptom, before: Suspicion | None, now: float) -> Suspicion:
    since = now if before is None or not _still(before, now) else before.since
    settled = now - since >= symptom.settle_seconds or (before is not None and before.settled and since == before.since)
    evidence = replace(symptom.evidence, since=since)
    return Suspicion(replace(symptom, evidence=evidence), since, now, settled)


def _still(one: Suspicion, now: float) -> bool:
    return now - one.seen_at <= (LINGER_SECONDS if one.settled else GAP_SECONDS)


def _key(symptom: Symptom) -> Key:
    return symptom.reason, symptom.evidence.pod, symptom.evidence.metric
