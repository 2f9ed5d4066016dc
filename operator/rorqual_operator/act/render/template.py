"""The user's partial PodSpec laid over ours, with what is Rorqual's own kept."""

from collections.abc import Mapping
from typing import Any

from rorqual_engine.api.spec import Template
from rorqual_operator.act.render.errors import RenderError
from rorqual_operator.act.render.merge import merge

CONTAINER = "engine"
OWN_FIELDS = {
    "image": "engine.image",
    "command": "engine.runtime",
    "args": "engine.extraArgs",
}
"""Fields of the engine's container that the template may not set, and where they are set instead."""


def overlay(pod_spec: Mapping[str, Any], template: Template, gpu_limits: Mapping[str, str]) -> dict[str, Any]:
    """`pod_spec` with ``template.spec`` merged over it.

    Raises RenderError when the template sets what Rorqual decides.
    """
    merged = merge(pod_spec, template.spec, "template.spec")
    _check_engine(merged, pod_spec, gpu_limits)
    return merged


def _check_engine(merged: Mapping[str, Any], ours: Mapping[str, Any], gpu_limits: Mapping[str, str]) -> None:
    path = f"template.spec.containers[{CONTAINER}]"
    new, old = _engine(merged), _engine(ours)
    for name, instead in OWN_FIELDS.items():
        if new.get(name) != old[name]:
            raise RenderError(f"{path}.{name} is Rorqual's own: use {instead}")
    found = new.get("resources", {}).get("limits", {})
    for name, count in gpu_limits.items():
        if str(found.get(name)) != count:
            raise RenderError(
                f"{path}.resources.limits[{name}] is {found.get(name)}: Rorqual decides it ({count}); "
                f"use configuration.tensorParallel, configuration.pipelineParallel or sharing"
            )


def _engine(pod_spec: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next((c for c in pod_spec.get("containers", []) if c["name"] == CONTAINER), {})
    return found
