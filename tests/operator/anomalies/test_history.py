"""The last samples of a service, and what is not to be learned from."""

import numpy as np

from rorqual_operator.anomalies.history import KEPT, MOST_LEFT_OUT, History
from rorqual_operator.anomalies.labels import Label
from rorqual_operator.anomalies.series import Series


def a_history(samples: int, unusual: range = range(0)) -> History:
    history = History(("x", "y"))
    for at in range(samples):
        history.take(float(at), {"x": float(at)})
        if at in unusual:
            history.mark_unusual()
    return history


def test_the_newest_samples_are_kept_and_what_is_not_told_is_not_known() -> None:
    series = a_history(KEPT + 10).series()
    assert len(series.at) == KEPT and series.at[-1] == KEPT + 9
    assert series.values[-1, 0] == KEPT + 9 and np.isnan(series.values[:, 1]).all()
    assert a_history(20).series(5).at.tolist() == [15, 16, 17, 18, 19]
    assert a_history(0).series().values.shape == (0, 2)


def test_times_of_the_past_at_which_nothing_is_known_are_left_out() -> None:
    history = History(("x", "y"))
    history.recall(Series(np.array([1.0, 2.0, 3.0]), ("x", "y"), np.array([[1, np.nan], [np.nan, np.nan], [3, 4.0]])))
    assert history.series().at.tolist() == [1, 3]


def test_what_was_unusual_is_left_out_unless_labelled_normal() -> None:
    history = a_history(100, unusual=range(40, 45))
    assert np.flatnonzero(history.left_out(())).tolist() == [40, 41, 42, 43, 44]
    labels = (Label(43.0, 60.0, "normal"), Label(90.0, 91.0, "fault"))
    assert np.flatnonzero(history.left_out(labels)).tolist() == [40, 41, 42, 90, 91]


def test_what_is_unusual_for_long_is_the_usual() -> None:
    history = a_history(100, unusual=range(50, 51 + int(100 * MOST_LEFT_OUT)))
    assert not history.left_out(()).any()
    assert history.left_out((Label(50.0, 80.0, "fault"),)).sum() == 31
