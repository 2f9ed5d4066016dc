"""The samples of the last while, by pod."""

from rorqual_engine.snapshot import Quantiles
from rorqual_operator.observe.metrics.window import Window

from .samples import INF, sample

POD, OTHER = ("llm", "a"), ("llm", "b")


def filled(*times: float, seconds: float = 60.0) -> Window:
    window = Window(seconds)
    for at in times:
        window.take({POD: sample(at, counters={"requests": at})}, {POD})
    return window


def span(window: Window) -> float:
    found = window.metrics(POD)
    assert found
    return found.window_seconds


def test_unknown_pod_has_no_metrics() -> None:
    assert Window(60).metrics(POD) is None


def test_window_is_covered_and_hardly_more() -> None:
    assert span(filled(*range(0, 200, 10))) == 60
    assert span(filled(*range(0, 200, 25))) == 75


def test_two_samples_are_kept_however_far_apart() -> None:
    assert span(filled(0, 500)) == 500


def test_sample_seen_before_counts_once() -> None:
    assert span(filled(10, 20, 20, 20)) == 10


def test_older_sample_of_the_other_source_is_left_aside() -> None:
    found = filled(10, 20, 15).metrics(POD)
    assert found and found.observed_at == 20


def test_pod_that_is_gone_is_forgotten() -> None:
    window = filled(10)
    window.take({}, {OTHER})
    assert window.metrics(POD) is None


def test_silent_pod_keeps_its_last_figures_with_their_time() -> None:
    window = filled(10, 20)
    window.take({}, {POD})
    found = window.metrics(POD)
    assert found and found.observed_at == 20


def test_latency_over_several_pods() -> None:
    window = Window(60)
    for at, fast, slow in ((0, 0.0, 0.0), (10, 90.0, 10.0)):
        samples = {
            POD: sample(at, histograms={"ttft": {0.1: fast, 1.0: fast, INF: fast}}),
            OTHER: sample(at, histograms={"ttft": {0.1: 0.0, 1.0: slow, INF: slow}}),
        }
        window.take(samples, {POD, OTHER})
    together = window.latency([POD, OTHER, ("llm", "silent")], "ttft")
    assert together.p50_seconds is not None and together.p50_seconds < 0.1
    assert together.p95_seconds is not None and together.p95_seconds > 0.1
    assert window.latency([], "ttft") == Quantiles()
