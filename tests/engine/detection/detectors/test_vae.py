"""The auto-encoder: scoring by hand without torch, and learning where torch is installed."""

from importlib.util import find_spec

import numpy as np
import pytest

from rorqual_engine.detection.detectors import DetectorError, load, save
from rorqual_engine.detection.detectors.vae import LATENT, VAE, WINDOW, Network, windows

FEATURES = 2


def by_hand(conditions=(0.0, 0.0)) -> VAE:
    """A network that says: the second metric is twice the first, whatever it was before; scales of 1 around 0."""
    newest = (WINDOW - 1) * FEATURES
    into = np.zeros((WINDOW * FEATURES, 1))
    into[newest, 0] = 1.0
    plain = {"centre": np.zeros(FEATURES), "deviation": np.ones(FEATURES), "told": np.ones(FEATURES)}
    state = {
        **{f"{part}.{name}": value for part in ("scale", "residuals") for name, value in plain.items()},
        "weight.0": into,
        "bias.0": np.zeros(1),
        "weight.1": np.ones((1, 1)),
        "bias.1": np.zeros(1),
        "weight.2": np.array([[1.0]]),
        "bias.2": np.zeros(1),
        "weight.3": np.array([[1.0, 2.0]]),
        "bias.3": np.zeros(FEATURES),
        "conditions": np.array(conditions),
    }
    return VAE().restore(state)


def test_what_the_network_tells_is_usual() -> None:
    assert by_hand().score_samples(np.array([[1.0, 2.0], [3.0, 6.0]])).tolist() == [0.0, 0.0]


def test_what_it_does_not_tell_is_named() -> None:
    """By hand: 5 instead of 2 is 3 deviations of one metric, 1.5 on average."""
    parts = by_hand().contributions(np.array([[1.0, 5.0]]))
    assert parts.tolist() == [[0.0, 3.0]]
    assert by_hand().score_samples(np.array([[1.0, 5.0]])).tolist() == [1.5]


def test_a_condition_is_given_and_never_unusual() -> None:
    assert by_hand((0.0, 1.0)).contributions(np.array([[1.0, 5.0]])).tolist() == [[0.0, 0.0]]


def test_what_is_missing_counts_for_nothing() -> None:
    scores = by_hand().score_samples(np.array([[1.0, np.nan], [np.nan, np.nan]]))
    assert scores.tolist() == [0.0, 0.0]


def test_the_rectifier_leaks_below_zero() -> None:
    network = Network((np.eye(1), np.eye(1), np.eye(1), np.eye(1)), (np.zeros(1),) * 4)
    assert network.apply(np.array([[-1.0], [2.0]])).ravel() == pytest.approx([-0.01, 2.0])


def test_a_window_ends_with_the_newest_and_begins_with_the_first() -> None:
    made = windows(np.arange(6.0).reshape(3, 2))
    assert made.shape == (3, WINDOW * FEATURES)
    assert made[0].tolist() == [0.0, 1.0] * WINDOW
    assert made[2, -4:].tolist() == [2.0, 3.0, 4.0, 5.0]


def test_it_is_saved_and_loaded_as_plain_arrays() -> None:
    samples = np.random.default_rng(1).normal(size=(40, FEATURES))
    again = load(save(by_hand()))
    assert np.array_equal(again.score_samples(samples), by_hand().score_samples(samples))


def test_before_it_has_learned_it_tells_nothing() -> None:
    with pytest.raises(RuntimeError, match="fit or restore"):
        VAE().score_samples(np.zeros((3, 2)))


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed")
def test_without_torch_it_says_what_is_missing() -> None:
    with pytest.raises(DetectorError, match=r"needs torch: pip install 'rorqual\[neural\]'"):
        VAE().fit(np.zeros((100, 2)), np.random.default_rng(0))


def history(samples: int = 1500, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    load_ = np.sin(np.arange(samples) / 40.0) + 0.1 * random.normal(size=samples)
    return np.stack([load_, 2 * load_, -load_], axis=1) + 0.05 * random.normal(size=(samples, 3))


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed: pip install 'rorqual[neural]'")
class TestLearning:
    def test_a_metric_that_leaves_the_others_stands_out(self) -> None:
        detector = VAE().fit(history(), np.random.default_rng(0))
        samples = history(400, seed=2)
        samples[200:220, 1] = 0.0
        assert len(detector.state()["bias.1"]) == LATENT
        scores = detector.score_samples(samples)
        assert np.median(scores[200:220]) > np.quantile(scores[:200], 0.95)

    def test_the_same_seed_learns_the_same(self) -> None:
        one, other = (VAE().fit(history(300), np.random.default_rng(7)).state() for _ in range(2))
        assert all(np.array_equal(one[key], other[key]) for key in one)

    def test_labelled_anomalies_score_more_than_without_their_labels(self) -> None:
        seen = history()
        seen[::50, 0] += 0.6
        labels = np.full(len(seen), np.nan)
        labels[::50] = 1.0
        without, with_them = (
            VAE().fit(seen, np.random.default_rng(0), told).score_samples(seen) for told in (None, labels)
        )
        usual = np.ones(len(seen), dtype=bool)
        usual[::50] = False
        apart = [np.median(scores[::50]) / np.median(scores[usual]) for scores in (without, with_them)]
        assert apart[1] > apart[0]

    def test_labels_of_another_length_are_refused(self) -> None:
        with pytest.raises(DetectorError, match="expected one a sample, 300"):
            VAE().fit(history(300), np.random.default_rng(0), np.zeros(5))
