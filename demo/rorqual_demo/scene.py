"""What stays the same during one demo: the names and bounds that view, picture and summary mention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rorqual_demo.errors import DemoError
from rorqual_demo.trace import Scaling
from rorqual_engine.api import LLMServiceSpec
from rorqual_engine.units import duration_seconds


@dataclass(frozen=True, slots=True)
class Scene:
    """`total_seconds` is the replay with the time to settle after it, `replay_seconds` the replay alone."""

    namespace: str
    service: str
    model: str
    engine: str
    """What answers, in words."""
    gpu: str
    max_replicas: int
    ttft_objective_seconds: float
    replay_seconds: float
    total_seconds: float
    scaling: Scaling

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.service}"


def ttft_objective(spec: LLMServiceSpec) -> float:
    """The p95 of the TTFT objective in seconds. Raises DemoError without one: the demo is about it."""
    ttft = spec.objectives.ttft
    if ttft is None or ttft.p95 is None:
        raise DemoError("the manifest has no spec.objectives.ttft.p95, which the demo measures against: add one")
    return duration_seconds(ttft.p95)


def read_spec(manifest: dict[str, Any]) -> LLMServiceSpec:
    """The manifest's spec, with defaults. Raises DemoError when it is no valid LLMService."""
    if manifest.get("kind") != "LLMService":
        raise DemoError(f"expected a manifest of kind LLMService, found {manifest.get('kind')!r}")
    try:
        return LLMServiceSpec.model_validate(manifest.get("spec", {}))
    except ValueError as error:
        raise DemoError(f"the manifest is no valid LLMService: {error}") from error
