"""Predictive scaling of one service: what is asked, what comes of it."""

import math
from dataclasses import astuple, replace

import pytest

from rorqual_engine.load_history import LoadHistory
from rorqual_engine.plan import Experience, Limiter, Reason
from rorqual_engine.scaling import Bounds, ask, desire, foresee, read_load
from rorqual_engine.scaling.outlook import MOST_HELD
from rorqual_engine.snapshot import Growth
from rorqual_engine.timing import Capability, StepTiming

from ..builders import (
    NOW,
    RUNNING,
    a_pod,
    a_service,
    a_spec,
    a_starting_pod,
    a_workload,
    busy,
    settled,
    some_metrics,
)

REPLICA = Capability(StepTiming(0.00716, 8.7e-5, 3.2e-8, 2.48e-5, 1.01e-9), 54, 451_456)
SPEC = a_spec(
    objectives={"ttft": {"p95": "2s"}, "tpot": {"p95": "50ms"}},
    workload={"inputTokens": 8263, "outputTokens": 38},
    scaling={"maxReplicas": 8},
)
BOUNDS = Bounds(1, 8)


def history(rate=5.0, seconds=600.0, missed=0.0):
    """A steady load up to now, with so large a share of late answers."""
    made = LoadHistory()
    for step in range(int(seconds // 10)):
        at = NOW - seconds + 10 * (step + 1)
        counts = {"arrived": rate * 10, "answered": rate * 10, "late": rate * 10 * missed, "timed": rate * 10}
        made = made.add(at - 10, at, counts)
    return made


def remembered(rate=5.0, **more):
    known = {key: more.pop(key) for key in ("startup_seconds", "slowness") if key in more}
    return settled(experience=Experience(history(rate, **more), RUNNING, **known))


def foreseen(service, bounds=BOUNDS, faulty=()):
    question = ask(service, read_load(service, faulty, NOW), REPLICA, bounds, NOW)
    assert question is not None
    return foresee([question])[0]


def desired(service, bounds=BOUNDS, faulty=()):
    load = read_load(service, faulty, NOW)
    return desire(service, load, 54, bounds, foreseen(service, bounds, faulty), NOW)


def test_nothing_is_planned_without_objectives_speed_or_workload():
    service = a_service(SPEC, busy(1, 1))
    load = read_load(service, (), NOW)
    assert ask(replace(service, spec=a_spec()), load, REPLICA, BOUNDS, NOW) is None
    assert ask(service, load, None, BOUNDS, NOW) is None
    assert ask(replace(service, workload=None), load, REPLICA, BOUNDS, NOW) is None


def test_a_load_gets_the_replicas_that_it_needs():
    """5 requests a second of 0.28 s each are 1.4 replicas of work."""
    found = desired(a_service(SPEC, busy(1, running=10), memory=remembered(5.0)))
    assert 3 <= found.replicas <= 5 and found.reason is Reason.DEMAND_ABOVE_CAPACITY
    assert "5 requests/s are expected" in found.message and "good" in found.message
    assert found.outlook is not None and found.outlook.work_replicas == pytest.approx(1.4, abs=0.1)


def test_replicas_that_start_are_not_asked_for_twice():
    first = desired(a_service(SPEC, busy(1, 10), memory=remembered(5.0))).replicas
    pods = (*busy(1, 10), *(a_starting_pod(f"s{i}", "node-0") for i in range(first - 1)))
    assert desired(a_service(SPEC, pods, memory=remembered(5.0))).replicas == first


def test_replicas_asked_for_without_pods_yet_count_as_starting():
    service = a_service(SPEC, busy(1, 10), workload=a_workload(4), memory=remembered(5.0))
    outlook = foreseen(service).outlook
    assert (outlook.ready, outlook.starting) == (1, 3)


def test_a_pod_at_fault_counts_as_if_it_served():
    """A fault is no load: nothing is added for it, and nothing removed."""
    pods = (*busy(3, 5), a_pod("broken", ready=False, metrics=None))
    outlook = foreseen(a_service(SPEC, pods, memory=remembered(5.0)), faulty=("broken",)).outlook
    assert (outlook.ready, outlook.starting) == (4, 0)
    held = desired(a_service(SPEC, (*busy(7, 1), pods[-1]), memory=remembered(0.5)), faulty=("broken",))
    assert (held.replicas, held.reason) == (8, Reason.FAULT_IS_NOT_LOAD)


def test_nothing_is_removed_while_a_pod_is_not_heard():
    pods = (*busy(5, 1), a_pod("silent", metrics=None))
    held = desired(a_service(SPEC, pods, memory=remembered(0.5)))
    assert (held.replicas, held.reason) == (6, Reason.METRICS_INCOMPLETE)


def test_nothing_is_removed_within_a_start_up_time_of_the_first_round():
    found = desired(a_service(SPEC, busy(6, 1), memory=remembered(0.5, startup_seconds=60.0)))
    assert found.replicas == 6 and found.limited_by == (Limiter.STABILIZATION,)


def test_a_window_of_the_spec_counts_before_the_start_up_time():
    quick = a_spec(
        objectives={"ttft": {"p95": "2s"}},
        workload={"inputTokens": 8263, "outputTokens": 38},
        scaling={"maxReplicas": 8, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}},
    )
    assert desired(a_service(quick, busy(6, 1), memory=remembered(0.5))).replicas < 6


def test_at_the_most_replicas_it_says_so():
    found = desired(a_service(SPEC, busy(2, 50, 100), memory=remembered(30.0)), Bounds(1, 2))
    assert (found.replicas, found.reason) == (2, Reason.AT_TARGET)


def test_slow_replicas_are_planned_for():
    fast = foreseen(a_service(SPEC, busy(1, 10), memory=remembered(5.0)))
    slow = foreseen(a_service(SPEC, busy(1, 10), memory=remembered(5.0, slowness=2.0)))
    assert slow.replicas > fast.replicas and slow.outlook.slowness == 2.0


def test_a_law_that_learned_does_not_make_the_pace_slower_still():
    """Engines were seen to take three times the law's time; the law, calibrated, now says so itself."""
    slow = StepTiming(*(3.0 * value for value in astuple(REPLICA.timing)))
    experience = Experience(history(5.0), RUNNING, slowness=3.0, timing=REPLICA.timing)
    service = a_service(SPEC, busy(3, 10), memory=settled(experience=experience))
    question = ask(service, read_load(service, (), NOW), replace(REPLICA, timing=slow), BOUNDS, NOW)
    assert question is not None
    before = foreseen(service).outlook
    after = foresee([question])[0].outlook
    assert after.slowness == pytest.approx(1.0)
    assert after.request_seconds == pytest.approx(before.request_seconds)


def test_a_wild_pace_is_not_believed():
    assert foreseen(a_service(SPEC, busy(3, 10), memory=remembered(5.0, slowness=4.0))).outlook.trusted
    assert not foreseen(a_service(SPEC, busy(3, 10), memory=remembered(5.0, slowness=20.0))).outlook.trusted
    assert not foreseen(a_service(SPEC, busy(3, 10), memory=remembered(5.0, slowness=0.5))).outlook.trusted


def test_surprise_brings_the_reactive_rule_in():
    """The law sees no queue and foretells no miss, yet half of all answers are late: something is not in the model."""
    memory = remembered(5.0, missed=0.5)
    found = desired(a_service(SPEC, busy(6, running=54, waiting=20), memory=memory))
    assert found.outlook is not None and not found.outlook.trusted
    assert found.replicas == 8 and "the reactive rule counts" in found.message


def test_misses_that_were_foretold_are_no_surprise():
    known = history(5.0, missed=0.5)
    told = LoadHistory.of(
        {"at": known.at, **{name: known.column(name) for name in ("arrived", "answered", "late", "timed")},
         "foretold": known.column("late")}
    )  # fmt: skip
    service = a_service(SPEC, busy(3, 10), memory=settled(experience=Experience(told, RUNNING)))
    assert foreseen(service).outlook.trusted


def test_lengths_are_measured_where_enough_was_seen():
    growth = Growth(NOW - 10, NOW, arrived=50, finished=50, prompt_tokens=50 * 2000, generated_tokens=50 * 100,
                    ttft={math.inf: 50.0})  # fmt: skip
    outlook = foreseen(a_service(SPEC, busy(1, 5), growth=growth)).outlook
    assert (outlook.input_tokens, outlook.output_tokens) == (2000, 100)


def test_lengths_of_the_workload_count_until_then():
    growth = Growth(NOW - 10, NOW, arrived=5, finished=5, prompt_tokens=5 * 2000, generated_tokens=5 * 100)
    outlook = foreseen(a_service(SPEC, busy(1, 5), growth=growth)).outlook
    assert (outlook.input_tokens, outlook.output_tokens) == (8263, 38)


def test_a_queue_at_a_faulty_pod_is_not_made_up_for():
    pods = (*busy(3, 5), a_pod("stuck", metrics=some_metrics(10, 500)))
    service = a_service(SPEC, pods, memory=remembered(2.0))
    assert foreseen(service, faulty=("stuck",)).outlook.waiting == 0


def with_hits(rate, spec=SPEC, requests=50.0):
    """Outlook where the prefix cache held that share of the prompts; None where engines tell nothing of it."""
    asked = requests * 2000 if rate is not None else 0.0
    growth = Growth(NOW - 10, NOW, arrived=requests, finished=requests, prompt_tokens=requests * 2000,
                    generated_tokens=requests * 100, prefix_queried=asked, prefix_hit=asked * (rate or 0.0),
                    ttft={math.inf: requests})  # fmt: skip
    return foreseen(a_service(spec, busy(1, 5), growth=growth)).outlook


def test_what_the_prefix_cache_holds_need_not_be_computed():
    cold, warm = with_hits(0.0), with_hits(0.8)
    assert (cold.prefix_hit_rate, warm.prefix_hit_rate) == (0.0, 0.8)
    assert warm.request_seconds < 0.5 * cold.request_seconds


def test_hits_that_the_workload_tells_count_until_they_are_measured():
    spec = a_spec(
        objectives={"ttft": {"p95": "2s"}, "tpot": {"p95": "50ms"}},
        workload={"inputTokens": 2000, "outputTokens": 100, "prefixHitRate": 0.5},
    )
    assert with_hits(None, spec).prefix_hit_rate == 0.5
    assert with_hits(0.1, spec, requests=10).prefix_hit_rate == 0.5
    assert with_hits(0.1, spec).prefix_hit_rate == 0.1
    assert with_hits(0.0, spec).prefix_hit_rate == 0.0
    assert with_hits(1.0, spec).prefix_hit_rate == MOST_HELD
