"""Specs that the models refuse, each with the path of the field; the CRD's rules are the same in CEL."""

from typing import Any

import pytest
from pydantic import ValidationError

from rorqual_engine.api import LLMServiceSpec
from rorqual_engine.api.spec import Schedule, Sharing

GPU = {"gpu": "NVIDIA-H100-80GB-HBM3"}


def body(**fields: Any) -> dict[str, Any]:
    return {"model": {"name": "org/model"}, "hardware": [GPU], **fields}


def refused(content: dict[str, Any]) -> tuple[str, str]:
    """Path and message of the only error."""
    with pytest.raises(ValidationError) as caught:
        LLMServiceSpec.model_validate(content)
    (error,) = caught.value.errors()
    return ".".join(str(part) for part in error["loc"]), error["msg"]


def test_smallest_spec() -> None:
    found = LLMServiceSpec.model_validate(body())
    assert (found.scaling.mode, found.scaling.min_replicas, found.scaling.max_replicas) == ("Internal", 1, 8)
    assert (found.engine.runtime, found.configuration.mode, found.replicas) == ("vLLM", "Initial", None)


FIGURES = {
    "parameters": 8_000_000_000, "layers": 32, "hiddenSize": 4096, "attentionHeads": 32, "kvHeads": 8,
    "headSize": 128, "vocabulary": 128256, "maxContextTokens": 131072,
}  # fmt: skip


def test_full_spec() -> None:
    full = body(
        model={"name": "m", "source": "s3://b/p", "tokenSecret": {"name": "a", "key": "b"}, "architecture": FIGURES},
        hardware=[{**GPU, "costPerHour": "2.50", "maxReplicas": 8}],
        sharing={"scheme": "MIG", "resource": "nvidia.com/mig-3g.40gb"},
        objectives={"ttft": {"p95": "2s"}, "tpot": {"p50": "50ms", "p99": "1m30s"}},
        workload={"inputTokens": 1000, "inputLengths": {"p50": 700, "p99": 100_000}, "outputLengths": {"p95": 256}},
        scaling={
            "mode": "Advisory",
            "behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]}},
            "schedules": [{"cron": "0 8 * * 1-5", "timezone": "Europe/Berlin", "minReplicas": 2}],
        },
        template={"metadata": {"labels": {"team": "a"}}, "spec": {"nodeSelector": {"a": "b"}}},
    )
    found = LLMServiceSpec.model_validate(full)
    assert found.model_dump(by_alias=True, exclude_unset=True) == full


def test_key_of_a_config_map_is_config_json_by_default() -> None:
    given = body(model={"name": "m", "configJsonFrom": {"configMapKeyRef": {"name": "acme"}}})
    source = LLMServiceSpec.model_validate(given).model.config_json_from
    assert source is not None and source.config_map_key_ref.key == "config.json"


BOTH = {"name": "m", "configJson": "{}", "configJsonFrom": {"configMapKeyRef": {"name": "acme"}}}
BAD: list[tuple[dict[str, Any], str, str]] = [
    (body(model={}), "model.name", "Field required"),
    (body(model={"name": ""}), "model.name", "at least 1 character"),
    (body(model={"name": "m", "quantization": "fp7"}), "model.quantization", "'none', 'fp8'"),
    (body(model={"name": "m", "maxContextTokens": 0}), "model.maxContextTokens", "greater than or equal to 1"),
    (body(model={"name": "m", "tokenSecret": {"name": "s"}}), "model.tokenSecret.key", "Field required"),
    (body(model={"name": "m", "architecture": {**FIGURES, "layers": 0}}), "model.architecture.layers", "equal to 1"),
    (body(hardware=[]), "hardware", "at least 1 item"),
    (body(hardware=[GPU, GPU]), "", "hardware lists the same gpu twice"),
    (body(hardware=[{"gpu": "A", "costPerHour": "cheap"}]), "hardware.0.costPerHour", "match pattern"),
    (body(hardware=[{"gpu": "A", "costPerHour": "-1"}]), "hardware.0.costPerHour", "match pattern"),
    (body(engine={"runtime": "TGI"}), "engine.runtime", "'vLLM'"),
    (body(engine={"version": "latest"}), "engine.version", "match pattern"),
    (body(model={"name": "m", "source": "ftp://h/m"}), "model.source", "must start with hf://"),
    (body(model=BOTH), "model", "configJson and configJsonFrom exclude each other"),
    (body(model={"name": "m", "source": "hf://"}), "model.source", "must start with hf://"),
    (body(sharing={"scheme": "MIG"}), "sharing", "sharing.resource must name the MIG profile's resource"),
    (body(sharing={"scheme": "DRA"}), "sharing", "sharing.claimTemplate must be given"),
    (body(workload={"inputLengths": {}}), "workload.inputLengths", "give at least one of p50, p90, p95, p99"),
    (
        body(workload={"outputLengths": {"p50": 200, "p95": 100}}),
        "workload.outputLengths",
        "a higher percentile must not be below a lower one, found p50 200 and p95 100",
    ),
    (body(workload={"inputLengths": {"p99": 0}}), "workload.inputLengths.p99", "greater than or equal to 1"),
    (
        body(workload={"inputTokens": 100, "inputLengths": {"p90": 1001}}),
        "workload",
        "inputTokens 100 is too small for inputLengths.p90 1001: with 10 % of all as long as that, the mean is",
    ),
    (body(objectives={"ttft": {}}), "objectives.ttft", "give at least one of p50, p90, p95, p99"),
    (body(objectives={"ttft": {"p95": "2"}}), "objectives.ttft.p95", "'2' is not a duration: expected"),
    (body(objectives={"tpot": {"p95": "0s"}}), "objectives.tpot.p95", "'0s' is not above zero"),
    (body(configuration={"gpuMemoryShare": 1.01}), "configuration.gpuMemoryShare", "less than or equal to 1"),
    (body(configuration={"gpuMemoryShare": 0}), "configuration.gpuMemoryShare", "greater than 0"),
    (body(configuration={"tensorParallel": 65}), "configuration.tensorParallel", "less than or equal to 64"),
    (body(configuration={"pipelineParallel": 0}), "configuration.pipelineParallel", "greater than or equal to 1"),
    (body(scaling={"minReplicas": 9}), "scaling", "minReplicas 9 must not be above maxReplicas 8"),
    (body(scaling={"maxReplicas": 0}), "scaling.maxReplicas", "greater than or equal to 1"),
    (body(scaling={"idleAfter": "soon"}), "scaling.idleAfter", "is not a duration"),
    (body(scaling={"targets": {"kvCachePercent": 101}}), "scaling.targets.kvCachePercent", "less than or equal to 100"),
    (
        body(scaling={"behavior": {"scaleDown": {"stabilizationWindowSeconds": 3601}}}),
        "scaling.behavior.scaleDown.stabilizationWindowSeconds",
        "less than or equal to 3600",
    ),
    (
        body(scaling={"schedules": [{"cron": "0 8 * * *", "minReplicas": 3, "maxReplicas": 2}]}),
        "scaling.schedules.0",
        "minReplicas must not be above maxReplicas",
    ),
    (body(scaling={"mode": "External"}), "", "replicas must be given when scaling.mode is External"),
    (body(replicas=2), "", "replicas may be given only when scaling.mode is External"),
    (body(priority=1_000_001), "priority", "less than or equal to 1000000"),
    (body(modle={}), "modle", "Extra inputs are not permitted"),
    (body(scaling={"min_replica": 1}), "scaling.min_replica", "Extra inputs are not permitted"),
]


@pytest.mark.parametrize(("content", "path", "said"), BAD, ids=[f"{path}-{said[:20]}" for _, path, said in BAD])
def test_refused_with_path_and_rule(content: dict[str, Any], path: str, said: str) -> None:
    found_path, message = refused(content)
    assert found_path == path
    assert said in message


def test_external_replicas() -> None:
    found = LLMServiceSpec.model_validate(body(scaling={"mode": "External"}, replicas=0))
    assert found.replicas == 0


def test_hardware_by_product() -> None:
    found = LLMServiceSpec.model_validate(body(hardware=[{"gpu": "A", "maxReplicas": 2}, {"gpu": "B"}]))
    kind = found.hardware_of("A")
    assert kind and kind.max_replicas == 2
    assert found.hardware_of("C") is None


def test_specs_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        LLMServiceSpec.model_validate(body()).priority = 1  # type: ignore[misc]


@pytest.mark.parametrize("resource", ["nvidia.com/mig-1g.10gb"])
def test_mig_with_its_resource(resource: str) -> None:
    assert Sharing(scheme="MIG", resource=resource).resource == resource


def test_schedule_with_one_bound() -> None:
    assert Schedule(cron="0 8 * * *", max_replicas=2).min_replicas is None
