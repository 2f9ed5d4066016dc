"""A complete LLMService with the recommendation written into it as pins."""

from typing import Any

from rorqual_engine import catalog
from rorqual_engine.api import API_VERSION, KIND
from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Configuration
from rorqual_operator.advice.report import Report


def manifest(report: Report, metadata: dict[str, Any]) -> dict[str, Any]:
    """The service as given, on the recommended GPU alone, with its configuration pinned and room for its replicas."""
    chosen = report.recommendation.configuration
    spec = report.spec.model_dump(by_alias=True, exclude_none=True, exclude_unset=True)
    spec["model"]["maxContextTokens"] = chosen.max_context_tokens
    spec["hardware"] = [entry for entry in spec["hardware"] if entry["gpu"] == chosen.gpu]
    spec["configuration"] = {
        **spec.get("configuration", {}),
        "maxConcurrentSequences": chosen.max_concurrent_sequences,
        "gpuMemoryShare": chosen.gpu_memory_share,
        "tensorParallel": chosen.tensor_parallel,
        "pipelineParallel": chosen.pipeline_parallel,
    }
    _batch(spec, report.spec, chosen)
    _replicas(spec, report)
    LLMServiceSpec.model_validate(spec)
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def _batch(spec: dict[str, Any], given: LLMServiceSpec, chosen: Configuration) -> None:
    if chosen.max_batched_tokens is None:
        return
    flag = catalog.runtime(given.engine.runtime).flags["max_batched_tokens"]
    arguments = [*given.engine.extra_args, f"{flag}={chosen.max_batched_tokens}"]
    spec["engine"] = {**spec.get("engine", {}), "extraArgs": arguments}


def _replicas(spec: dict[str, Any], report: Report) -> None:
    """At least the replicas for the workload's rate from the start."""
    expected = report.recommendation.expected
    rate = report.spec.workload.requests_per_second
    if expected is None or rate is None or report.spec.scaling.mode == "External":
        return
    scaling = report.spec.scaling
    least = min(max(scaling.min_replicas, expected.replicas), scaling.max_replicas)
    spec["scaling"] = {**spec.get("scaling", {}), "minReplicas": least, "maxReplicas": scaling.max_replicas}
