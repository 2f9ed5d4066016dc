"""VUS-PR against a plain reading of its definition, and the counts of a threshold."""

import detection_scorer as scorer
import numpy as np
import pytest


def plainly(labels: np.ndarray, scores: np.ndarray, window: int) -> float:
    """Threshold by threshold and sample by sample, as TSB-AD's RangeAUC_volume_opt goes."""
    events, ordered = scorer.events_of(labels), -np.sort(-scores)
    areas = []
    for buffer in range(window + 1):
        soft = scorer._extended(labels, events, buffer)
        merged = scorer._merged(events, buffer, len(labels))
        recalls, precisions = [0.0], []
        for place in np.linspace(0, len(scores) - 1, scorer.THRESHOLDS).astype(int):
            predicted = scores >= ordered[place]
            true = float((soft * predicted).sum())
            counted = labels.sum() + float((soft * predicted)[labels == 0].sum())
            touched = np.mean([predicted[first : last + 1].any() for first, last in merged])
            recalls.append(min(true / ((labels.sum() + counted) / 2), 1.0) * touched)
            precisions.append(true / predicted.sum())
        areas.append(float(np.diff(recalls) @ np.array(precisions)))
    return float(np.mean(areas))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_quick_way_gives_what_the_plain_one_does(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = np.zeros(600, dtype=int)
    for begin in (50, 70, 300, 590):
        labels[begin : begin + int(random.integers(3, 12))] = 1
    scores = random.normal(size=600) + 1.5 * labels
    assert scorer.vus_pr(labels, scores, 10) == pytest.approx(plainly(labels, scores, 10))


def test_a_perfect_score_is_nearly_one_and_a_random_one_the_share_of_labels() -> None:
    labels = np.zeros(5000, dtype=int)
    labels[1000:1200] = labels[3000:3100] = 1
    assert scorer.vus_pr(labels, labels + 0.0, 0) > 0.9
    assert scorer.vus_pr(labels, np.random.default_rng(1).random(5000), 10) < 0.12


def test_events_and_alarms_are_counted_by_their_overlap() -> None:
    labels = np.array([0, 1, 1, 0, 0, 1, 0, 0])
    assert scorer.events_of(labels) == [(1, 2), (5, 5)]
    assert scorer.found_events(labels, [(2, 3), (7, 7)]) == (1, [1], 1)


def test_average_precision() -> None:
    assert scorer.auc_pr(np.array([1, 0, 1]), np.array([3.0, 2.0, 1.0])) == pytest.approx((1 + 2 / 3) / 2)
