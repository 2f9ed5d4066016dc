"""What a user gets for bad input: refused at apply with the field's path, or Stalled with the figures.

A good service of the same name runs all the while, and is never touched.
"""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from operating import Manifest, OperatorProcess, Service, llmservice

from rorqual_sandbox.handle import Sandbox

pytestmark = pytest.mark.sandbox
Until = Callable[..., Any]
H100, L40S = "NVIDIA-H100-80GB-HBM3", "NVIDIA-L40S"


class Case(NamedTuple):
    """A change of the good manifest's spec by path, and what must be told of it."""

    name: str
    path: str
    value: Any
    told: tuple[str, ...]


ABSENT = object()

REFUSED = [
    Case("wrong type", "scaling.maxReplicas", "many", ("spec.scaling.maxReplicas", "integer")),
    Case("text for a list", "hardware", "H100", ("spec.hardware", "array")),
    Case("no model", "model", ABSENT, ("spec.model", "Required")),
    Case("no model name", "model", {}, ("spec.model.name", "Required")),
    Case("empty model name", "model.name", "", ("spec.model.name", "at least 1")),
    Case("no hardware", "hardware", [], ("spec.hardware", "at least 1")),
    Case("the same GPU twice", "hardware", [{"gpu": H100}, {"gpu": H100}], ("spec.hardware[1]", "Duplicate")),
    Case("unknown field", "scaling.maxReplica", 3, ("unknown field", "spec.scaling.maxReplica")),
    Case("min above max", "scaling.minReplicas", 9, ("spec.scaling", "found 9 and 4")),
    Case("negative min", "scaling.minReplicas", -1, ("spec.scaling.minReplicas", "greater than or equal to 0")),
    Case("zero max", "scaling.maxReplicas", 0, ("spec.scaling.maxReplicas", "greater than or equal to 1")),
    Case("replicas beside Internal", "replicas", 2, ("spec.replicas", "only when scaling.mode is External")),
    Case("External without replicas", "scaling.mode", "External", ("spec.replicas", "must be given", "switched off")),
    Case("unknown scaling mode", "scaling.mode", "Auto", ("spec.scaling.mode", '"Internal"', '"External"')),
    Case("zero objective", "objectives", {"ttft": {"p95": "0s"}}, ("spec.objectives.ttft.p95", "above zero")),
    Case("negative objective", "objectives", {"tpot": {"p50": "-5ms"}}, ("spec.objectives.tpot.p50", "above zero")),
    Case("objective without unit", "objectives", {"ttft": {"p95": "2"}}, ("spec.objectives.ttft.p95", "such as 500ms")),
    Case("objective without percentile", "objectives", {"ttft": {}}, ("spec.objectives.ttft", "at least one of p50")),
    Case("unknown runtime", "engine", {"runtime": "Triton"}, ("spec.engine.runtime", '"vLLM"')),
    Case("unparsable version", "engine", {"version": "latest"}, ("spec.engine.version", "should match")),
    Case("unparsable price", "hardware", [{"gpu": H100, "costPerHour": "$2"}], ("spec.hardware[0].costPerHour", "match")),
    Case("share above one", "configuration.gpuMemoryShare", 1.5, ("spec.configuration.gpuMemoryShare", "less than or equal to 1")),
    Case("share of zero", "configuration.gpuMemoryShare", 0, ("spec.configuration.gpuMemoryShare", "greater than 0")),
    Case("no sequences", "configuration.maxConcurrentSequences", 0, ("spec.configuration.maxConcurrentSequences", "or equal to 1")),
    Case("unknown source", "model.source", "ftp://host/m", ("spec.model.source", "hf://", "pvc://")),
    Case("config.json twice", "model", {"name": "acme/new", "configJson": "{}", "configJsonFrom": {"configMapKeyRef": {"name": "acme"}}},
         ("spec.model", "exclude each other")),
    Case("MIG without a profile", "sharing", {"scheme": "MIG"}, ("spec.sharing", "resource must name")),
    Case("DRA without a claim", "sharing", {"scheme": "DRA"}, ("spec.sharing", "claimTemplate must be given")),
    Case("schedule min above max", "scaling.schedules", [{"cron": "0 8 * * *", "minReplicas": 5, "maxReplicas": 2}],
         ("spec.scaling.schedules[0]", "minReplicas must not be above")),
    Case("too many tokens", "workload", {"inputTokens": 0}, ("spec.workload.inputTokens", "or equal to 1")),
    Case("lengths out of order", "workload", {"inputLengths": {"p50": 9, "p95": 8}},
         ("spec.workload.inputLengths", "a higher percentile must not be below")),
    Case("lengths that the mean forbids", "workload", {"outputTokens": 10, "outputLengths": {"p90": 101}},
         ("spec.workload", "outputTokens is too small for outputLengths")),
]  # fmt: skip

STALLED = [
    Case("unknown model", "model", {"name": "acme/none-such-7b"}, ("UnknownModel", "acme/none-such-7b", "model.architecture")),
    Case("no such ConfigMap", "model", {"name": "acme/new", "configJsonFrom": {"configMapKeyRef": {"name": "none"}}},
         ("ModelConfigUnavailable", "ConfigMap none", "rorqual.io/model-config")),
    Case("model larger than any GPU", "model", {"name": "meta-llama/Llama-3.1-405B-Instruct"},
         ("ModelTooLarge", "GiB", H100)),
    Case("unknown GPU", "hardware", [{"gpu": "NVIDIA-X900-PCIe"}], ("UnknownGPU", "NVIDIA-X900-PCIe")),
    Case("share too small for the model", "configuration.gpuMemoryShare", 0.02, ("ConflictingPins", "gpuMemoryShare", "0.02")),
    Case("tensor parallel that does not divide", "configuration.tensorParallel", 5, ("ConflictingPins", "tensorParallel", "5")),
    Case("context that does not fit", "model.maxContextTokens", 100_000_000, ("", "maxContextTokens", "100,000,000", "131,072")),
    Case("unreadable cron", "scaling.schedules", [{"cron": "99 99 * * *", "minReplicas": 1}],
         ("InvalidSpec", "scaling.schedules[0].cron", "99 99")),
    Case("unknown time zone", "scaling.schedules", [{"cron": "0 8 * * *", "timezone": "Mars/Base"}],
         ("InvalidSpec", "scaling.schedules[0].timezone", "Mars/Base")),
    Case("template that is no PodSpec", "template", {"spec": {"containers": "none"}}, ("InvalidTemplate", "template.spec.containers")),
    Case("template with another command", "template", {"spec": {"containers": [{"name": "engine", "command": ["sh"]}]}},
         ("InvalidTemplate", "template.spec.containers[engine].command")),
    Case("template that the API server refuses", "template", {"spec": {"restartPolicy": "Sometimes"}},
         ("Refused", "spec.template.spec.restartPolicy")),
]  # fmt: skip


def changed(manifest: Manifest, case: Case) -> Manifest:
    """The manifest with one field of its spec set, or left out."""
    result = copy.deepcopy(manifest)
    *parents, last = case.path.split(".")
    place = result["spec"]
    for parent in parents:
        place = place.setdefault(parent, {})
    if case.value is ABSENT:
        del place[last]
    else:
        place[last] = case.value
    return result


@pytest.fixture(scope="module")
def running(
    sandbox: Sandbox, crd: None, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Service]:
    """A good service, Ready, with its operator."""
    namespace = f"bad-{secrets.token_hex(4)}"
    sandbox.kubectl("create", "namespace", namespace)
    operator = OperatorProcess(sandbox, namespace, tmp_path_factory.mktemp("bad") / "operator.log")
    service = Service(sandbox, namespace)
    sandbox.apply(llmservice(namespace))
    sandbox.kubectl("wait", "-n", namespace, "llm/chat", "--for=condition=Ready", "--timeout=90s")
    yield service
    operator.stop()
    sandbox.kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_refused_at_apply(sandbox: Sandbox, running: Service, case: Case) -> None:
    before = running.object()["metadata"]["generation"]
    manifest = changed(llmservice(running.namespace), case)
    answer = sandbox.kubectl("apply", "-f", "-", stdin=json.dumps(manifest), check=False)
    assert answer.returncode != 0
    for text in case.told:
        assert text in answer.stderr
    assert running.object()["metadata"]["generation"] == before


def _observed(service: Service) -> bool:
    found = service.object()
    return bool(found["status"]["observedGeneration"] == found["metadata"]["generation"])


@pytest.mark.parametrize("case", STALLED, ids=lambda case: case.name)
def test_stalled_with_the_figures(sandbox: Sandbox, running: Service, until: Until, case: Case) -> None:
    (pod,) = running.pods()
    deployed = running.deployment()["metadata"]["generation"]

    sandbox.apply(changed(llmservice(running.namespace), case))
    until(
        lambda: (
            running.holds("Stalled")
            and running.status["observedGeneration"] == running.object()["metadata"]["generation"]
        )
    )
    condition = running.condition("Stalled")
    reason, *texts = case.told
    assert condition["reason"] == (reason or condition["reason"])
    for text in texts:
        assert text in condition["message"]
    assert "left as it is" in condition["message"]

    assert running.holds("Ready")
    assert running.deployment()["metadata"]["generation"] == deployed
    assert [other["metadata"]["uid"] for other in running.pods()] == [pod["metadata"]["uid"]]
    sandbox.kubectl("replace", "-f", "-", stdin=json.dumps(llmservice(running.namespace)))
    until(lambda: running.holds("Stalled", "False"))


@pytest.mark.parametrize(
    ("name", "told"),
    [("a" * 54, "54"), ("9lives", "should match"), ("Chat", "lower case"), ("a.b", "should match")],
    ids=["too long", "begins with a digit", "capitals", "with a dot"],
)
def test_a_name_that_cannot_name_a_service_is_refused(sandbox: Sandbox, running: Service, name: str, told: str) -> None:
    manifest = llmservice(running.namespace, name)
    answer = sandbox.kubectl("apply", "-f", "-", stdin=json.dumps(manifest), check=False)
    assert answer.returncode != 0
    assert "metadata.name" in answer.stderr
    assert told in answer.stderr or name in answer.stderr


def test_the_longest_name_becomes_a_ready_service(sandbox: Sandbox, running: Service, until: Until) -> None:
    service = Service(sandbox, running.namespace, "a" * 53)
    sandbox.apply(llmservice(running.namespace, service.name))
    until(lambda: service.holds("Ready"))
    sandbox.kubectl("delete", "llm", service.name, "-n", running.namespace)


def test_an_unknown_field_is_a_warning_where_validation_only_warns(sandbox: Sandbox, running: Service) -> None:
    manifest = changed(llmservice(running.namespace), Case("", "scaling.maxReplica", 3, ()))
    answer = sandbox.kubectl("apply", "--validate=warn", "-f", "-", stdin=json.dumps(manifest))
    assert 'unknown field "spec.scaling.maxReplica"' in answer.stderr
