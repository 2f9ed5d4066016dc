"""What holds for every detector: it finds what stands out, looks at nothing ahead, and survives bad input."""

from importlib.util import find_spec

import numpy as np
import pytest
from numpy.typing import NDArray

from rorqual_engine.detection.detectors import DetectorError, load, save
from rorqual_engine.detection.detectors.base import LEAST_SAMPLES
from rorqual_engine.detection.detectors.catalog import DEFAULT, DETECTORS, make
from rorqual_engine.detection.detectors.scale import Scale
from rorqual_engine.detection.detectors.vae import VAE
from rorqual_engine.detection.threshold import Threshold, episodes

Array = NDArray[np.float64]
NAMES = [name for name in DETECTORS if name != VAE.name or find_spec("torch")]
"""Those that can learn here: the auto-encoder needs torch, which no lock file pins (test_vae.py has the rest of it)."""
FEATURES = 6
WEEK = 60.0
"""A sample a minute."""


def normal(samples: int = 2000, seed: int = 1) -> Array:
    """Metrics that follow one load, each with noise of its own, and of another unit."""
    random = np.random.default_rng(seed)
    load = 1.0 + 0.5 * np.sin(np.arange(samples) / 120.0) + 0.1 * random.normal(size=samples)
    units = np.array([1.0, 1000.0, 0.01, 50.0, 3.0, 1e6])
    found: Array = units * (
        np.outer(load, np.linspace(0.5, 2.0, FEATURES)) + 0.05 * random.normal(size=(samples, FEATURES))
    )
    return found


def fitted(name: str, history: Array | None = None):
    return make(name).fit(normal() if history is None else history, np.random.default_rng(0))


def alarms(history: Array, samples: Array, name: str = DEFAULT) -> list[tuple[int, int]]:
    detector = fitted(name, history)
    limit = Threshold.of(detector.score_samples(history), 1.0, WEEK).limit
    return [(one.begin, one.end) for one in episodes(detector.score_samples(samples), limit)]


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_out_scores_more(name: str) -> None:
    samples = normal(500, seed=2)
    samples[300:340, ::2] *= 8.0
    scores = fitted(name).score_samples(samples)
    assert scores[310:340].min() > np.quantile(scores[:290], 0.95)


@pytest.mark.parametrize("name", NAMES)
def test_the_metric_that_stands_out_is_named(name: str) -> None:
    samples = normal(500, seed=2)
    samples[300:340, 3] *= 10.0
    parts = fitted(name).contributions(samples)
    assert parts.shape == samples.shape
    assert int(parts[305:340].mean(axis=0).argmax()) == 3


@pytest.mark.parametrize("name", NAMES)
def test_a_score_does_not_look_ahead(name: str) -> None:
    samples = normal(300, seed=3)
    detector = fitted(name)
    whole = detector.score_samples(samples)
    samples[200:] *= 100.0
    np.testing.assert_allclose(detector.score_samples(samples)[:200], whole[:200])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_is_what_is_loaded(name: str) -> None:
    detector, samples = fitted(name), normal(100, seed=4)
    again = load(save(detector))
    assert again.name == name
    np.testing.assert_array_equal(again.score_samples(samples), detector.score_samples(samples))
    np.testing.assert_array_equal(again.contributions(samples), detector.contributions(samples))


def test_a_file_that_was_changed_is_refused() -> None:
    data = save(fitted("robust-z"))
    with pytest.raises(DetectorError, match="checksum"):
        load(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(DetectorError, match="begins with rorqual-detector"):
        load(b"\x80\x04pickle")
    with pytest.raises(DetectorError, match="expected version 1; found 2"):
        load(data.replace(b'"version": 1', b'"version": 2'))
    with pytest.raises(DetectorError, match="first line cannot be read"):
        load(b"rorqual-detector\nnothing\n")


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(DetectorError, match=r"expected one of robust-z, .*; found 'magic'"):
        make("magic")


@pytest.mark.parametrize("name", NAMES)
def test_too_little_history_is_refused(name: str) -> None:
    with pytest.raises(DetectorError, match=f"at least {LEAST_SAMPLES} samples"):
        fitted(name, normal(LEAST_SAMPLES - 1))


@pytest.mark.parametrize("name", NAMES)
def test_runs_of_nan_are_no_alarm(name: str) -> None:
    samples = normal(1000, seed=5)
    samples[200:400, 2] = np.nan
    samples[600:650] = np.nan
    samples[700, 0] = np.inf
    assert np.isfinite(fitted(name).score_samples(samples)).all()
    assert alarms(normal(5000), samples, name) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_that_the_history_never_had_is_left_out(name: str) -> None:
    history = normal(5000)
    history[:, 4] = np.nan
    assert alarms(history, normal(1000, seed=6), name) == []


def test_constant_metrics_may_wobble() -> None:
    history, samples = normal(5000), normal(1000, seed=6)
    history[:, 1] = 1000.0
    samples[:, 1] = 1000.0 + np.random.default_rng(1).normal(size=1000)
    assert alarms(history, samples) == []
    assert (Scale.of(history).deviation > 0).all()


def test_ten_minutes_of_a_history_of_a_few_seconds_each() -> None:
    """Sixty samples teach little, and cry no wolf."""
    whole = normal(400, seed=7)
    assert alarms(whole[:60], whole[60:120]) == []


def test_a_poisoned_history_hides_nothing_else() -> None:
    """A twentieth of the history is an outage; what is normal stays normal, and another kind of fault is found."""
    history = normal(5000)
    history[1000:1250, 0] *= 20.0
    samples = normal(1000, seed=8)
    assert alarms(history, samples) == []
    samples[500:560, 3] *= 8.0
    (found,) = alarms(history, samples)
    assert 495 <= found[0] <= 505


def test_a_counter_that_was_reset_is_one_odd_sample_and_no_episode() -> None:
    """As a rate after the reset reads: a single leap to nothing."""
    samples = normal(1000, seed=9)
    samples[500, :2] = 0.0
    assert alarms(normal(5000), samples) == []


def test_a_clock_that_goes_wrong_is_seen_by_nobody() -> None:
    """Detectors see an order, no times: samples that come twice are no alarm."""
    samples = normal(1000, seed=10)
    assert alarms(normal(5000), np.repeat(samples, 2, axis=0)) == []


def test_a_metric_that_changed_its_unit_is_told_as_that_metric() -> None:
    """Milliseconds for seconds, with a new version of the engine: no one can know, but the evidence names it."""
    samples = normal(1000, seed=11)
    samples[500:, 2] *= 1000.0
    parts = fitted(DEFAULT).contributions(samples)
    assert int(parts[520:].mean(axis=0).argmax()) == 2
