"""The performance law: TTFT, TPOT and throughput of a setting under a load, each with its interval."""

from collections.abc import Sequence

from rorqual_engine.sizing.performance.physics import FIRST_GUESS, physical_law
from rorqual_engine.sizing.performance.points import Points, points_of
from rorqual_engine.sizing.performance.prediction import Intervals, Prediction, Predictions
from rorqual_engine.sizing.performance.setting import Load, Setting


def predict(setting: Setting, load: Load) -> Prediction:
    """One setting under one load."""
    return predict_many((setting,), (load,)).at(0)


def predict_many(settings: Sequence[Setting], loads: Sequence[Load]) -> Predictions:
    """One prediction for each pair of setting and load; give the same object again where a setting comes again."""
    return predict_points(points_of(settings, loads))


def predict_points(points: Points) -> Predictions:
    """The same for points that are already laid out as columns."""
    parts = physical_law(points, FIRST_GUESS)
    output = points["output_tokens"]
    rate = points["concurrency"] / (parts.ttft + parts.tpot * (output - 1.0))
    ttft, tpot, requests = (Intervals(x * 0.7, x, x * 1.4) for x in (parts.ttft, parts.tpot, rate))
    tokens = Intervals(requests.low * output, requests.value * output, requests.high * output)
    return Predictions(ttft, tpot, tokens, requests)
