"""The config.json of a model from where the spec says that it is. Pure."""

from collections.abc import Mapping
from typing import Any

from rorqual_engine.api.spec import ConfigMapKey
from rorqual_engine.snapshot import ModelConfig

LABEL = "rorqual.io/model-config"
SELECTOR = f"{LABEL}=true"
"""Only ConfigMaps with this label are watched: a cluster has many, some of a MiB, and the others do not concern us."""


def from_config_map(item: Mapping[str, Any] | None, wanted: ConfigMapKey) -> ModelConfig:
    """The text under that key of a ConfigMap; None stands for one that is not there."""
    origin = f"spec.model.configJsonFrom: ConfigMap {wanted.name}"
    if item is None:
        return ModelConfig(origin, problem=f'not found in the service\'s namespace with the label {LABEL}: "true"')
    text = (item.get("data") or {}).get(wanted.key)
    if text is not None and not isinstance(text, str):
        return ModelConfig(origin, problem=f"key {wanted.key} is a {type(text).__name__}; expected text")
    if text is not None:
        return ModelConfig(f"{origin}, key {wanted.key}", text)
    if wanted.key in (item.get("binaryData") or {}):
        return ModelConfig(origin, problem=f"key {wanted.key} is in binaryData; expected text in data")
    keys = ", ".join(sorted(item.get("data") or {})) or "none"
    return ModelConfig(origin, problem=f"it has no key {wanted.key}; its keys are {keys}")
