"""How fast a replica answers: a physical law with a learned correction, and how sure it is."""

from rorqual_engine.sizing.performance.law import predict, predict_many, predict_points
from rorqual_engine.sizing.performance.points import Points, points_of
from rorqual_engine.sizing.performance.prediction import Interval, Intervals, Prediction, Predictions
from rorqual_engine.sizing.performance.setting import Load, Setting
from rorqual_engine.sizing.performance.shape import Accelerator, Shape

__all__ = [
    "Accelerator",
    "Interval",
    "Intervals",
    "Load",
    "Points",
    "Prediction",
    "Predictions",
    "Setting",
    "Shape",
    "points_of",
    "predict",
    "predict_many",
    "predict_points",
]
