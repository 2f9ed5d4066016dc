"""Where the weights come from: what the engine is told to load, and what its pod needs for that."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from rorqual_engine.api.spec import Model
from rorqual_operator.act.render.errors import RenderError

MODELS = "/models"
"""Where a claim or an image of weights is mounted."""
HUB_CACHE = "/var/cache/huggingface"
HUB_VOLUME = "model-cache"
MODEL_VOLUME = "model"


@dataclass(frozen=True, slots=True)
class Weights:
    """What the engine loads. Volumes, mounts and variables are as in a PodSpec."""

    scheme: str
    location: str
    """Hub name, absolute path or URL, as the engine's command line takes it."""
    volumes: tuple[dict[str, Any], ...] = ()
    mounts: tuple[dict[str, Any], ...] = ()
    env: tuple[dict[str, Any], ...] = ()


def weights(model: Model) -> Weights:
    """The source of `model`; the hub under the model's own name unless it says otherwise.

    Raises RenderError when the address lacks what its scheme needs.
    """
    scheme, _, rest = (model.source or f"hf://{model.name}").partition("://")
    return SCHEMES[scheme](rest)


def secret_environment(model: Model) -> dict[str, Any]:
    """``env`` and ``envFrom`` that give the engine its secrets by reference; no value is ever read."""
    found: dict[str, Any] = {}
    if model.token_secret:
        reference = {"name": model.token_secret.name, "key": model.token_secret.key}
        found["env"] = [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": reference}}]
    if model.credentials_secret:
        found["envFrom"] = [{"secretRef": {"name": model.credentials_secret}}]
    return found


def _from_hub(name: str) -> Weights:
    return Weights(
        "hf",
        name,
        volumes=({"name": HUB_VOLUME, "emptyDir": {}},),
        mounts=({"name": HUB_VOLUME, "mountPath": HUB_CACHE},),
        env=({"name": "HF_HOME", "value": HUB_CACHE},),
    )


def _from_claim(address: str) -> Weights:
    claim, _, path = address.partition("/")
    if not claim:
        raise RenderError(f"model.source pvc://{address} names no claim: expected pvc://CLAIM/PATH")
    volume = {"name": MODEL_VOLUME, "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
    return Weights("pvc", _inside(MODELS, path), volumes=(volume,), mounts=(_read_only_mount(),))


def _from_bucket(address: str) -> Weights:
    return Weights("s3", f"s3://{address}")


def _from_image(reference: str) -> Weights:
    # Image volumes: Kubernetes 1.36 (stable), 1.35 (beta, on), 1.33 and 1.34 (beta, behind the gate ImageVolume).
    volume = {"name": MODEL_VOLUME, "image": {"reference": reference, "pullPolicy": "IfNotPresent"}}
    return Weights("oci", MODELS, volumes=(volume,), mounts=(_read_only_mount(),))


def _from_file(path: str) -> Weights:
    if not path.startswith("/"):
        raise RenderError(f"model.source file://{path} is not absolute: expected file:///PATH")
    return Weights("file", path)


SCHEMES: dict[str, Callable[[str], Weights]] = {
    "hf": _from_hub,
    "pvc": _from_claim,
    "s3": _from_bucket,
    "oci": _from_image,
    "file": _from_file,
}


def _read_only_mount() -> dict[str, Any]:
    return {"name": MODEL_VOLUME, "mountPath": MODELS, "readOnly": True}


def _inside(root: str, path: str) -> str:
    parts = PurePosixPath(path.strip("/")).parts
    if ".." in parts:
        raise RenderError(f"model.source path {path!r} leaves its volume: remove '..'")
    return str(PurePosixPath(root, *parts))
