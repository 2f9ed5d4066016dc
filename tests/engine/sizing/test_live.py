"""What running engines teach: which moments count, and what becomes of them in a recommendation."""

from dataclasses import replace

import pytest

from rorqual_engine.decide import decide
from rorqual_engine.fleet import Inventory
from rorqual_engine.observation import Observation
from rorqual_engine.plan import Memory, Replica
from rorqual_engine.sizing import Sizing, size
from rorqual_engine.sizing.evidence import Evidence, Lesson, learn
from rorqual_engine.sizing.live import KEPT_OBSERVATIONS, OBSERVE_SECONDS, observe, operating_point
from rorqual_engine.sizing.memory import memory_budget
from rorqual_engine.sizing.performance import Load, predict
from rorqual_engine.sizing.recommend import ask
from rorqual_engine.sizing.search import search
from rorqual_engine.sizing.speed import setting_of
from rorqual_engine.snapshot import CacheConfig, Quantiles, Trial
from rorqual_engine.units import MIB

from ..builders import H100, L4, NOW, RUNNING, a_node, a_pod, a_service, a_snapshot, a_spec, settled, some_metrics
from .cases import case_of

INVENTORY = Inventory.of((a_node(),))
STEADY = some_metrics(
    running=10, window_seconds=60, requests_per_second=2.0, prompt_tokens_per_second=2048.0,
    generation_tokens_per_second=512.0, ttft=Quantiles(p50_seconds=0.1), tpot=Quantiles(p50_seconds=0.019),
)  # fmt: skip
POINT = Observation(9.89, 1024, 256, 0.1, 0.019, 2.0)


def service(*metrics, **more):
    return a_service(pods=tuple(a_pod(f"p{n}", metrics=one) for n, one in enumerate(metrics)), **more)


def sized(found) -> Sizing:
    sizing = size(found, INVENTORY, NOW)
    assert isinstance(sizing, Sizing) and sizing.recommendation is not None
    return sizing


def test_a_steady_moment_is_an_operating_point():
    found = operating_point(STEADY)
    assert found is not None
    assert found.concurrency == pytest.approx(2 * (0.1 + 0.019 * 255))
    assert (found.input_tokens, found.output_tokens) == (1024, 256)
    assert found.prefix_hit_rate is None


def test_what_the_prefix_cache_held_is_part_of_it():
    found = operating_point(replace(STEADY, prefix_hit_rate=0.4))
    assert found is not None and found.prefix_hit_rate == 0.4


@pytest.mark.parametrize(
    "change",
    [
        {"requests_per_second": None},
        {"requests_per_second": 0.1},
        {"running": 40},
        {"running": 2},
        {"waiting": 3},
        {"ttft": Quantiles()},
        {"ttft": Quantiles(p50_seconds=float("nan"))},
        {"generation_tokens_per_second": None},
    ],
    ids=["one sample", "few requests", "rising", "falling", "a queue", "no latency", "NaN", "no tokens"],
)
def test_what_is_not_steady_or_not_told_is_none(change):
    assert operating_point(replace(STEADY, **change)) is None


def test_every_serving_pod_is_observed():
    found = observe(service(STEADY, STEADY, None), Memory(), NOW)
    assert len(found.observations) == 2
    assert (found.observed, found.observed_at) == (RUNNING, NOW)


def test_observations_are_rare_and_few():
    memory = observe(service(STEADY), Memory(), NOW)
    assert observe(service(STEADY), memory, NOW + OBSERVE_SECONDS - 1) == memory
    for number in range(1, 50):
        later = NOW + number * OBSERVE_SECONDS
        memory = observe(service(replace(STEADY, observed_at=later)), memory, later)
    assert len(memory.observations) == KEPT_OBSERVATIONS


def test_stale_metrics_are_not_observed():
    assert observe(service(replace(STEADY, observed_at=NOW - 3600)), Memory(), NOW).observations == ()


def test_another_configuration_forgets_what_was_observed():
    old = Memory(observations=(POINT,), observed=replace(RUNNING, tensor_parallel=2), observed_at=NOW)
    assert observe(service(), old, NOW).observations == ()


def test_decide_remembers_what_it_observed():
    chat = service(STEADY)
    plan = decide(a_snapshot(chat), NOW)[chat.key]
    assert plan.memory.observations == (operating_point(STEADY),)


def taught(points=(POINT,) * 5, **more):
    memory = replace(settled(), observations=points, observed=RUNNING)
    return sized(a_service(memory=memory, **more)).recommendation


def near_the_law():
    """What an engine shows that is a tenth slower than the law has it, at 100 requests in flight."""
    case = case_of(a_spec())
    setting = setting_of(case.engine, case.offers[0].gpu, 1, 100)
    assert setting is not None
    law = predict(setting, Load(100, 1024, 256))
    ttft, tpot = 1.1 * law.ttft_seconds.value, 1.1 * law.tpot_seconds.value
    return Observation(100, 1024, 256, ttft, tpot, 100 / (ttft + 255 * tpot))


def test_observations_make_the_recommendation_calibrated_and_surer():
    before, after = sized(a_service()).recommendation, taught((near_the_law(),) * 5)
    assert not before.calibrated and after.calibrated
    old, new = before.expected.requests_per_second, after.expected.requests_per_second
    assert new.high / new.low < old.high / old.low


def test_a_calibration_run_counts_like_live_figures():
    trial = Trial(Replica(H100, 1), (POINT,) * 5)
    assert sized(a_service(trial=trial)).recommendation.calibrated


def test_a_calibration_run_on_other_replicas_does_not_count():
    for other in (Replica(H100, 2), Replica(H100, 1, 2)):
        assert not sized(a_service(trial=Trial(other, (POINT,) * 5))).recommendation.calibrated


def test_what_stages_showed_is_of_such_stages_alone():
    case, running = case_of(a_spec()), replace(RUNNING, pipeline_parallel=2)
    reported = memory_budget(case.engine, case.offers[0].gpu, 1, 100, 0.9, 2).kv_tokens
    lesson = learn(case.engine, case.offers, Evidence(running, (POINT,) * 5, reported))
    assert lesson.taught(Replica(H100, 1, 2)) and not lesson.taught(Replica(H100, 1)) and not lesson.refused
    assert lesson.memory is not None and abs(lesson.memory.bytes_each) < MIB


def test_what_physics_forbids_is_refused_and_told():
    found = taught((replace(POINT, tpot_seconds=1e-4),) * 5)
    assert not found.calibrated
    assert "contradict physics" in found.calibration_refused


def with_cache(tokens):
    pods = (a_pod(metrics=some_metrics(cache=CacheConfig(tokens // 16, 16))),)
    return sized(a_service(pods=pods)).recommendation


def test_a_reported_cache_corrects_the_memory_law():
    computed = sized(a_service()).recommendation.kv_cache_tokens
    found = with_cache(computed - 40_000)
    assert found.calibrated
    assert computed - 60_000 < found.kv_cache_tokens < computed - 20_000


def test_a_reported_cache_far_from_the_law_is_refused():
    found = with_cache(16_000)
    assert not found.calibrated
    assert "16,000 tokens" in found.calibration_refused


def test_a_correction_is_for_one_kind_of_replica_alone():
    spec = a_spec(gpus=(H100, L4), objectives={"tpot": {"p95": "500ms"}})
    case = replace(case_of(spec, (a_node(), a_node("l", gpu=L4))), evidence=Evidence(RUNNING, (POINT,) * 5))
    lesson = learn(case.engine, case.offers, case.evidence)
    plain, found = (search(ask(replace(case, lesson=one))) for one in (Lesson(), lesson))
    assert rate_on(found, H100) != rate_on(plain, H100)
    assert rate_on(found, L4) == rate_on(plain, L4)


def rate_on(answer, gpu):
    """Requests a second of the alternative on one such GPU."""
    return next(one.expected for one in answer.alternatives if one.name == f"1 x {gpu}").requests_per_second


def test_calibration_never_changes_what_runs():
    memory = replace(settled(), observations=(POINT,) * 5, observed=RUNNING)
    assert sized(a_service(memory=memory)).configuration == RUNNING
