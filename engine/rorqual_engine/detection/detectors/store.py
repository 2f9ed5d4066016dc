"""Detectors as bytes and back: plain arrays with a version and a checksum, never anything that runs."""

import hashlib
import io
import json

import numpy as np

from rorqual_engine.detection.detectors.base import Detector, DetectorError
from rorqual_engine.detection.detectors.catalog import make

VERSION = 1
_MAGIC = b"rorqual-detector\n"


def save(detector: Detector) -> bytes:
    """A line with name, version and SHA-256 of what follows: NumPy's archive of arrays."""
    body = io.BytesIO()
    np.savez_compressed(body, allow_pickle=False, **{key: np.asarray(value) for key, value in detector.state().items()})
    told = {"name": detector.name, "version": VERSION, "sha256": hashlib.sha256(body.getvalue()).hexdigest()}
    return _MAGIC + json.dumps(told).encode() + b"\n" + body.getvalue()


def load(data: bytes) -> Detector:
    """Raises DetectorError for another format, another version, or a body that is not what was saved."""
    if not data.startswith(_MAGIC):
        raise DetectorError("detector: expected a file that begins with rorqual-detector")
    head, _, body = data[len(_MAGIC) :].partition(b"\n")
    try:
        told = json.loads(head)
        name, version, checksum = told["name"], told["version"], told["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise DetectorError(f"detector: its first line cannot be read: {error}") from error
    if version != VERSION:
        raise DetectorError(f"detector: expected version {VERSION}; found {version}")
    if hashlib.sha256(body).hexdigest() != checksum:
        raise DetectorError(f"detector {name}: its checksum is not that of its body; it was changed or cut short")
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        return make(str(name)).restore({key: arrays[key] for key in arrays.files})
