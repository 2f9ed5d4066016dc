"""How fast replicas work beside the law: every expectation by hand."""

import pytest

from rorqual_engine.detection.pace import paces
from rorqual_engine.plan import Readiness, Sized
from rorqual_engine.timing import Capability, StepTiming

from ..builders import H100, L4, NOW, RUNNING, a_pod, a_service, a_spec, settled, some_metrics

LAW = Capability(StepTiming(0.01, sequence_seconds=0.001, prompt_seconds=1e-4), sequences=100, kv_tokens=100_000)


def decoding(tokens=1000.0, mean=0.02, **more):
    return some_metrics(20, generation_tokens_per_second=tokens, tpot_mean_seconds=mean, **more)


def judged_paces(service, law, readiness=()):
    return paces(service, law, readiness, service.heard(NOW))


def test_a_step_with_as_many_sequences_as_little_s_law_tells():
    """1000 tokens a second at 20 ms are 20 sequences: 10 ms and 20 of 1 ms."""
    (one,) = judged_paces(a_service(pods=(a_pod(metrics=decoding()),)), LAW)
    assert one.expected_seconds == pytest.approx(0.030)
    assert one.residual == pytest.approx(0.02 / 0.03)


def test_prompts_take_their_part_of_the_time():
    """2500 tokens of prompts a second take a quarter of it: 30 ms become 40."""
    (one,) = judged_paces(a_service(pods=(a_pod(metrics=decoding(prompt_tokens_per_second=2500)),)), LAW)
    assert one.filling == pytest.approx(0.25)
    assert one.expected_seconds == pytest.approx(0.040)


@pytest.mark.parametrize(
    "metrics",
    [
        some_metrics(20),
        decoding(tokens=1.0),
        decoding(mean=None),
        decoding(mean=0.0),
        decoding(prompt_tokens_per_second=9000),
        decoding(age=1000),
        None,
    ],
    ids=["no rates", "hardly a token", "no mean", "a mean of nothing", "prompts alone", "stale", "no metrics"],
)
def test_what_tells_too_little_tells_nothing(metrics):
    assert judged_paces(a_service(pods=(a_pod(metrics=metrics),)), LAW) == []


@pytest.mark.parametrize(("ready_for", "judged"), [(89, False), (90, True)])
def test_what_came_in_a_replicas_first_seconds_is_not_judged(ready_for, judged):
    """A window of 60 s has to begin 30 s after the replica became ready."""
    pod = a_pod(metrics=decoding(window_seconds=60), ready_since=NOW - ready_for)
    assert bool(judged_paces(a_service(pods=(pod,)), LAW)) == judged


def test_prompts_that_the_prefix_cache_holds_take_no_time():
    cold, warm = (
        judged_paces(
            a_service(pods=(a_pod(metrics=decoding(prompt_tokens_per_second=2500, prefix_hit_rate=rate)),)),
            LAW,
        )
        for rate in (None, 0.8)
    )
    assert (cold[0].filling, warm[0].filling) == (pytest.approx(0.25), pytest.approx(0.05))


def test_a_readiness_that_came_back_is_no_beginning():
    pod = a_pod("a", metrics=decoding(window_seconds=60), ready_since=NOW - 10)
    assert judged_paces(a_service(pods=(pod,)), LAW, (Readiness("a", NOW - 500, NOW - 10),))


def test_a_pod_on_another_gpu_than_the_laws_is_not_judged():
    """While a service moves from one to another."""
    sized = Sized(a_spec(), (), None, RUNNING, LAW)
    pods = tuple(a_pod(name, metrics=decoding(), gpu_product=name) for name in (H100, L4))
    (one,) = judged_paces(a_service(pods=pods, memory=settled(sized=sized)), LAW)
    assert one.pod.name == H100


def test_without_a_law_nothing_is_expected():
    assert judged_paces(a_service(pods=(a_pod(metrics=decoding()),)), None) == []


def test_a_pod_that_ends_is_left_out():
    assert judged_paces(a_service(a_spec(), (a_pod(metrics=decoding(), terminating=True),)), LAW) == []
