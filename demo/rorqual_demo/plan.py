"""What one demo will do, worked out before anything is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rorqual_demo.errors import DemoError
from rorqual_demo.profiles import PROFILES, Profile
from rorqual_demo.scene import Scene, read_spec, ttft_objective
from rorqual_demo.trace import Arrival, Scaling, cut_around_peak, packaged_trace, read_trace, scale
from rorqual_sandbox.options import Engine

SETTLE_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for. `minutes` is the replay's length in wall-clock time."""

    engine: Engine
    minutes: float
    compress: float
    namespace: str
    manifest: Path | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """`manifest` is the LLMService to apply, in the demo's namespace."""

    profile: Profile
    manifest: dict[str, Any]
    arrivals: tuple[Arrival, ...]
    scene: Scene


def make_plan(request: Request) -> Plan:
    """Reads manifest and trace. Raises DemoError for what cannot be done."""
    profile = PROFILES[request.engine]
    manifest = _read_manifest(request, profile)
    spec = read_spec(manifest)
    scaling = Scaling(request.compress, profile.one_in, profile.shorten, profile.longest_prompt, profile.longest_answer)
    replay_seconds = request.minutes * 60
    stretch = cut_around_peak(read_trace(packaged_trace()), replay_seconds * request.compress)
    scene = Scene(
        namespace=request.namespace,
        service=manifest["metadata"]["name"],
        model=spec.model.name,
        engine=profile.words,
        gpu=spec.hardware[0].gpu,
        max_replicas=spec.scaling.max_replicas,
        ttft_objective_seconds=ttft_objective(spec),
        replay_seconds=replay_seconds,
        total_seconds=replay_seconds + SETTLE_SECONDS,
        scaling=scaling,
    )
    return Plan(profile, manifest, scale(stretch, scaling), scene)


def _read_manifest(request: Request, profile: Profile) -> dict[str, Any]:
    source = request.manifest or profile.manifest_file
    try:
        found = yaml.safe_load(source.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise DemoError(f"{source}: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("metadata"), dict) or "name" not in found["metadata"]:
        raise DemoError(f"{source}: expected one LLMService with metadata.name")
    return {**found, "metadata": {**found["metadata"], "namespace": request.namespace}}
