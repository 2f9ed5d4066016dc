"""What a round teaches about load, start-up and pace."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.load_history import LoadHistory
from rorqual_engine.plan import Experience, Saturation
from rorqual_engine.promise import Promise
from rorqual_engine.scaling.experience import SATURATED_SECONDS, TRUSTED_SLOWNESS, above, correct_pace, take_in
from rorqual_engine.scaling.load import Load
from rorqual_engine.scaling.predictive import Pace
from rorqual_engine.snapshot import Growth, Past

from ..builders import A100, NOW, RUNNING, a_pod, a_service, a_workload, settled, some_metrics

PROMISE = Promise(2.0, 0.05, 0.95)
LAW = Pace(0.1, 0.01, 0.0, 10, 1000.0, 100.0, 2.0, 0.05)
"""A prompt takes 0.1 s of a replica, a step 0.01 s."""


def growth(arrived=10.0, **more):
    return Growth(
        since=NOW - 10, at=NOW, **{"arrived": arrived, "finished": 0, "prompt_tokens": 0, "generated_tokens": 0, **more}
    )


def learned(**service):
    found = a_service(**service)
    return take_in(found, found.memory.experience, PROMISE, 0.0)


def test_growth_is_added_with_what_was_late():
    ttft = {1.0: 4.0, 2.0: 6.0, math.inf: 10.0}
    found = learned(growth=growth(ttft=ttft)).history.window(60)
    assert (found.counts["arrived"], found.counts["answered"], found.counts["late"]) == (10, 10, 4)


def test_what_was_foretold_is_kept_beside_it():
    found = take_in(a_service(growth=growth()), Experience(), PROMISE, 0.3)
    assert found.history.window(60).counts["foretold"] == pytest.approx(3.0)


def test_a_round_without_samples_teaches_nothing():
    assert len(learned().history) == 0


def test_a_start_up_is_the_median_over_pods_that_never_restarted():
    pods = (
        a_pod("a", created_at=NOW - 500, ready_since=NOW - 440),
        a_pod("b", created_at=NOW - 500, ready_since=NOW - 400),
        a_pod("c", created_at=NOW - 500, ready_since=NOW - 380),
        a_pod("d", created_at=NOW - 5000, ready_since=NOW, restarts=2),
    )
    assert learned(pods=pods).startup_seconds == 100


def test_other_replicas_are_learned_about_anew():
    old = Experience(LoadHistory().add(0, 10, {"arrived": 5}), RUNNING, startup_seconds=50, slowness=3.0)
    same = learned(memory=settled(experience=old))
    assert (same.slowness, same.startup_seconds) == (3.0, 50)
    other = learned(memory=settled(experience=old), workload=a_workload(1, replace(RUNNING, gpu=A100)))
    assert (other.slowness, other.startup_seconds, len(other.history)) == (1.0, None, 2)


def test_the_past_is_recalled_once_with_its_misses_spread_over_it():
    history = LoadHistory().add(NOW - 100, NOW - 50, {"arrived": 100, "finished": 100})
    past = Past(history, ttft={1.0: 50.0, 2.0: 75.0, math.inf: 100.0})
    found = learned(past=past, growth=growth())
    window = found.history.window(200)
    assert (window.counts["late"], window.counts["arrived"]) == (25, pytest.approx(150))  # 40 s were not watched
    known = settled(experience=Experience(LoadHistory().add(0, 10, {"arrived": 5})))
    assert len(learned(past=past, memory=known).history) == 2


@given(
    st.dictionaries(st.floats(0.01, 100), st.floats(0, 1000), max_size=8),
    st.floats(0.001, 200),
    st.floats(0, 1000),
)
def test_no_more_are_above_than_there_are(counts, limit, more):
    total, buckets = 0.0, {}
    for bound in sorted(counts):
        total += counts[bound]
        buckets[bound] = total
    buckets[math.inf] = total + more
    late, answered = above(buckets, limit)
    assert 0 <= late <= answered == total + more


def test_nothing_is_above_no_limit():
    assert above({1.0: 1.0, math.inf: 5.0}, math.inf) == (0.0, 5.0)
    assert above({}, 1.0) == (0.0, 0.0)


def busy_load(count=2, waiting=5.0):
    return Load(healthy=(some_metrics(running=10, waiting=waiting),) * count, serving=count)


def worked(prompts):
    """Half a minute in which so many prompts were prefilled."""
    history = LoadHistory().add(NOW - 30, NOW, {"prompt_tokens": 1000 * prompts})
    return Experience(history, saturation=Saturation(NOW - 30, 2, 0.0, 0.0))


def test_replicas_slower_than_the_law_are_noticed_when_all_are_busy():
    """Two replicas are busy for 30 s each and prefill 300 prompts, which take 30 s of one by the law."""
    assert correct_pace(worked(300), busy_load(), LAW, NOW).slowness == pytest.approx(2.0)


def test_pace_is_not_judged_while_any_replica_has_no_queue():
    found = correct_pace(worked(300), Load(healthy=(some_metrics(10, 5), some_metrics(3)), serving=2), LAW, NOW)
    assert (found.slowness, found.saturation) == (1.0, None)


def test_pace_is_not_judged_by_a_moment():
    begun = correct_pace(Experience(worked(300).history), busy_load(), LAW, NOW)
    assert begun.saturation == Saturation(NOW, 2, 300_000.0, 0.0) and begun.slowness == 1.0
    soon = correct_pace(begun, busy_load(), LAW, NOW + SATURATED_SECONDS - 1)
    assert soon.slowness == 1.0


def test_another_number_of_replicas_begins_anew():
    found = correct_pace(worked(300), busy_load(3), LAW, NOW)
    assert found.saturation is not None and found.saturation.replicas == 3 and found.slowness == 1.0


@given(st.floats(1, 1e6))
def test_no_measurement_is_believed_beyond_reason(prompts):
    low, high = TRUSTED_SLOWNESS
    assert low <= correct_pace(worked(prompts), busy_load(), LAW, NOW).slowness <= high
