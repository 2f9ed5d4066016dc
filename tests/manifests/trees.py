"""The manifests as a reader of YAML sees them, kustomizations followed."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def collect(directory: Path) -> list[dict[str, Any]]:
    """Every object that a kustomization names, before its patches. FileNotFoundError for a name that leads nowhere."""
    (kustomization,) = documents(directory / "kustomization.yaml")
    found: list[dict[str, Any]] = []
    for name in [*kustomization.get("resources", []), *kustomization.get("components", [])]:
        path = directory / name
        found += collect(path) if path.is_dir() else documents(path)
    return found


def of_kind(objects: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [item for item in objects if item["kind"] in kinds]
