"""Configurations that do not fit the load."""

import numpy as np

from rorqual_engine.detection.misfit import find_misfits
from rorqual_engine.load_history import LoadHistory
from rorqual_engine.plan import Advice, Experience, Reason, Verdict
from rorqual_engine.timing import Capability, StepTiming

from ..builders import NOW, a_service, a_spec, busy, settled

LAW = Capability(StepTiming(0.01, prompt_seconds=1e-5), sequences=10, kv_tokens=200_000)
SPEC = a_spec(workload={"inputTokens": 900, "outputTokens": 100}, objectives={"tpot": {"p95": "50ms"}})
"""By hand: up to 180 sequences fit (0.9 of the cache, 1,000 tokens each), and take 9 ms + 99 * 10 ms / 180 each."""


def a_history(rate):
    at = NOW - 120 + 10 * np.arange(13.0)
    count = rate * (at - at[0])
    tokens = {"prompt_tokens": 900 * count, "generated_tokens": 100 * count}
    return LoadHistory.of({"at": at, "arrived": count, "answered": count, "finished": count, **tokens})


def misfits(running, waiting, rate=20.0, law=LAW, before=None, **more):
    memory = settled(experience=Experience(a_history(rate)), **(before or {}))
    pods = busy(2, running, waiting, **more)
    service = a_service(SPEC, pods, memory=memory)
    return find_misfits(service, [pod.metrics for pod in pods], 10, law, NOW)


def reasons(*args, **more):
    return [one.reason for one in misfits(*args, **more)]


def test_a_queue_that_more_sequences_would_serve_is_too_few():
    (one,) = misfits(10, 5, kv_use=0.05)
    assert (one.verdict, one.reason, one.advice) == (
        Verdict.MISCONFIGURED,
        Reason.TOO_FEW_SEQUENCES,
        Advice.RETUNE,
    )
    assert "up to 180" in one.evidence.expected


def test_a_load_that_no_number_would_serve_is_not():
    """Each request takes 14.5 ms of a replica at least, so two serve 138 a second."""
    assert reasons(10, 5, rate=130.0) == []
    assert reasons(10, 5, rate=110.0) == [Reason.TOO_FEW_SEQUENCES]


def test_a_queue_that_takes_too_long_to_clear_is_not():
    assert reasons(10, 5000) == []


def test_the_queue_that_an_overload_left_is_not_the_configuration_s():
    overload = {"verdict": Verdict.OVERLOAD, "verdict_since": NOW - 200}
    assert reasons(10, 5, before=overload) == []
    assert reasons(10, 5, before={**overload, "verdict_since": NOW - 20}) == [Reason.TOO_FEW_SEQUENCES]


def test_free_sequences_or_no_queue_are_no_misfit():
    assert reasons(5, 5) == []
    assert reasons(10, 0) == []


def test_without_a_law_or_a_load_nothing_is_said():
    assert reasons(10, 5, law=None) == []
    assert reasons(10, 5, rate=0.1) == []


def test_preemptions_are_thrashing_however_full_the_cache_is_when_it_is_read():
    """Real vLLM with room for four sequences: two in five requests preempted, and a cache 16 % full between bursts."""
    thrashing = {"preemptions_per_second": 0.5, "requests_per_second": 2.0, "kv_use": 0.97}
    assert reasons(5, 3, **thrashing) == [Reason.KV_CACHE_THRASHING]
    assert reasons(5, 3, **{**thrashing, "preemptions_per_second": 0.1}) == []
    assert reasons(1, 0, **{**thrashing, "kv_use": 0.16}) == [Reason.KV_CACHE_THRASHING]


def test_without_metrics_there_is_no_misfit():
    assert find_misfits(a_service(SPEC), [], 10, LAW, NOW) == []
