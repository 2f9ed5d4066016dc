"""Scores of the last while together: what is unusual for some minutes counts, not what was so for one."""

import numpy as np

from rorqual_engine.detection.detectors.base import Array


def smooth(scores: Array, samples: int) -> Array:
    """The mean of each score and those before it, `samples` in all; of fewer at the beginning. Works along axis 0."""
    total = np.cumsum(np.concatenate([np.zeros((1, *scores.shape[1:])), scores]), axis=0)
    end = np.arange(1, len(scores) + 1)
    begin = np.maximum(end - samples, 0)
    count = (end - begin).reshape(-1, *([1] * (scores.ndim - 1)))
    found: Array = (total[end] - total[begin]) / count
    return found
