"""How a service grew from round to round, whenever its pods were scraped."""

from typing import Any

from rorqual_operator.observe.metrics.growth import PATIENCE_SECONDS, Steps
from rorqual_operator.observe.metrics.sample import Sample
from rorqual_operator.observe.reflector import Key

from .samples import INF, sample

A, B, C = ("llm", "a"), ("llm", "b"), ("llm", "c")


def reading(at: float, requests: float, running: float = 0.0, **more: Any) -> Sample:
    return sample(at, counters={"requests": requests}, gauges={"running": running, "waiting": 0.0}, **more)


def rounds(*samples: dict[Key, Sample], starting: tuple[Key, ...] = ()) -> Steps:
    steps = Steps()
    for number, found in enumerate(samples):
        steps.take(found, {A, B}, starting if number == 0 else ())
    return steps


def test_the_first_sample_of_a_running_pod_says_nothing_of_when() -> None:
    assert rounds({A: reading(0, 1000)}).growth([A], 0) is None


def test_arrivals_are_what_finished_and_what_more_is_in_flight() -> None:
    found = rounds({A: reading(0, 100, running=5)}, {A: reading(10, 120, running=9)}).growth([A], 10)
    assert found is not None
    assert (found.since, found.at, found.finished, found.arrived) == (0, 10, 20, 24)


def test_a_pod_that_was_seen_to_start_counts_from_zero() -> None:
    found = rounds({}, {A: reading(10, 7, running=2)}, starting=(A,)).growth([A], 10)
    assert found is not None and (found.finished, found.arrived, found.since) == (7, 9, 10)


def test_a_restarted_engine_counts_from_its_new_beginning() -> None:
    found = rounds({A: reading(0, 100, running=5)}, {A: reading(10, 3, running=1)}).growth([A], 10)
    assert found is not None and (found.finished, found.arrived) == (3, 0)


def test_pods_scraped_at_other_times_are_told_together() -> None:
    """A row of one of two pods would be half the load, and the next one half of it again."""
    steps = rounds({A: reading(0, 0), B: reading(5, 0)}, {A: reading(30, 60)})
    assert steps.growth([A, B], 30) is None
    steps.take({B: reading(35, 40)}, {A, B})
    found = steps.growth([A, B], 40)
    assert found is not None and (found.finished, found.since, found.at) == (100, 2.5, 32.5)
    assert steps.growth([A, B], 41) is None


def test_a_silent_pod_holds_the_others_back_for_a_while_only() -> None:
    steps = rounds({A: reading(0, 0), B: reading(0, 0)}, {A: reading(10, 6)})
    assert steps.growth([A, B], 10 + PATIENCE_SECONDS - 1) is None
    found = steps.growth([A, B], 10 + PATIENCE_SECONDS)
    assert found is not None and found.finished == 6


def test_a_pod_that_is_heard_again_brings_no_wave() -> None:
    """B was silent for five minutes: of its 300 requests those of the last ten seconds belong to this row."""
    more = {pod: reading(at, 0) for pod, at in ((A, 290), (B, 0), (C, 290))}
    steps = Steps()
    steps.take(more, {A, B, C})
    steps.take({A: reading(300, 10), B: reading(300, 300), C: reading(300, 10)}, {A, B, C})
    found = steps.growth([A, B, C], 300)
    assert found is not None and (found.since, found.finished, found.arrived) == (290, 30, 30)


def test_histograms_grow_over_the_bounds_that_all_share() -> None:
    before = {"ttft": {1.0: 1.0, 2.0: 2.0, INF: 2.0}}
    after = {"ttft": {1.0: 4.0, 2.0: 6.0, INF: 7.0}}
    steps = rounds({A: reading(0, 0, histograms=before)}, {A: reading(10, 5, histograms=after)})
    found = steps.growth([A], 10)
    assert found is not None and dict(found.ttft) == {1.0: 3.0, 2.0: 4.0, INF: 5.0}


def test_a_pod_that_is_gone_is_forgotten() -> None:
    steps = rounds({A: reading(0, 0)}, {A: reading(10, 5)})
    steps.take({}, {B})
    assert steps.growth([A], 10) is None


def test_an_older_sample_of_the_other_source_is_left_aside() -> None:
    steps = rounds({A: reading(10, 5)}, {A: reading(8, 9)})
    assert steps.growth([A], 10) is None


def test_what_the_prefix_cache_was_asked_for_and_held() -> None:
    def asked(at: float, queries: float, hits: float) -> Sample:
        return sample(at, counters={"requests": 0, "prefix_queries": queries, "prefix_hits": hits}, gauges={})

    found = rounds({A: asked(0, 1000, 500), B: asked(0, 0, 0)}, {A: asked(10, 3000, 2000), B: asked(10, 100, 0)})
    growth = found.growth([A, B], 10)
    assert growth is not None and (growth.prefix_queried, growth.prefix_hit) == (2100, 1500)
