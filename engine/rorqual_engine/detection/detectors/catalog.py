"""The detectors by name."""

from collections.abc import Callable

from rorqual_engine.detection.detectors.base import Detector, DetectorError
from rorqual_engine.detection.detectors.change import Change
from rorqual_engine.detection.detectors.ensemble import Ensemble
from rorqual_engine.detection.detectors.forest import IsolationForest
from rorqual_engine.detection.detectors.neighbours import Neighbours
from rorqual_engine.detection.detectors.pca import PCA
from rorqual_engine.detection.detectors.robust import RobustZ
from rorqual_engine.detection.detectors.vae import VAE

DEFAULT = Ensemble.name
DETECTORS: dict[str, Callable[[], Detector]] = {
    RobustZ.name: RobustZ,
    PCA.name: PCA,
    IsolationForest.name: IsolationForest,
    Change.name: Change,
    Neighbours.name: Neighbours,
    VAE.name: VAE,
    Ensemble.name: lambda: Ensemble((RobustZ(), PCA(), Change())),
}


def make(name: str) -> Detector:
    """A fresh one. Raises DetectorError for a name that there is not."""
    found = DETECTORS.get(name)
    if found is None:
        raise DetectorError(f"detector: expected one of {', '.join(DETECTORS)}; found {name!r}")
    return found()
