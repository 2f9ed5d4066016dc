"""Many services' ensembles at once say what each says by itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorqual_engine.detection.detectors.base import DetectorError
from rorqual_engine.detection.detectors.change import Change
from rorqual_engine.detection.detectors.ensemble import Ensemble
from rorqual_engine.detection.detectors.pca import PCA
from rorqual_engine.detection.detectors.robust import RobustZ
from rorqual_engine.detection.detectors.stacked import Stacked

METRICS = 5


def history(random, samples, unknown):
    load = random.normal(size=(samples, 1)) * random.uniform(0.5, 2)
    values = load * random.normal(size=METRICS) + random.normal(size=(samples, METRICS))
    return np.where(random.random(values.shape) < unknown, np.nan, values)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    samples=st.integers(1, 120),
    unknown=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    wild=st.booleans(),
)
def test_each_score_is_that_of_its_own_detector(seed, samples, unknown, wild):
    random = np.random.default_rng(seed)
    detectors = [
        Ensemble((RobustZ(), PCA(), Change())).fit(history(random, 200, unknown / 4), random) for _ in range(4)
    ]
    recent = np.stack([history(random, samples, unknown) for _ in detectors])
    if wild:
        recent[0, -1] *= 1e6
        recent[1, -1, 0] = np.inf
    alone = [one.score_samples(values)[-1] for one, values in zip(detectors, recent, strict=True)]
    np.testing.assert_allclose(Stacked.of(detectors).newest(recent), alone, rtol=1e-6, atol=1e-6)


def test_other_members_are_refused():
    random = np.random.default_rng(0)
    other = Ensemble((RobustZ(), PCA())).fit(history(random, 100, 0.0), random)
    with pytest.raises(DetectorError, match="expected robust-z, pca, change"):
        Stacked.of([other])
