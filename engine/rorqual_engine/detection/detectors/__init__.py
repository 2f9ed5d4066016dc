"""How unusual a moment is, learned from history without labels: several detectors behind one Protocol."""

from rorqual_engine.detection.detectors.base import Detector, DetectorError
from rorqual_engine.detection.detectors.ensemble import Ensemble
from rorqual_engine.detection.detectors.forest import IsolationForest
from rorqual_engine.detection.detectors.pca import PCA
from rorqual_engine.detection.detectors.robust import RobustZ
from rorqual_engine.detection.detectors.store import load, save

__all__ = ["PCA", "Detector", "DetectorError", "Ensemble", "IsolationForest", "RobustZ", "load", "save"]
