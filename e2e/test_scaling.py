"""Replicas follow the load within every bound, and stay where they are when nothing is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from operating import Load, OperatorProcess, Service, llmservice

from rorqual_sandbox.handle import Sandbox

pytestmark = pytest.mark.sandbox
Until = Callable[..., Any]

# A TCP probe: a frozen engine stays Ready, so that its metrics are what goes missing.
TCP_PROBES = {
    "spec": {
        "terminationGracePeriodSeconds": 2,
        "containers": [
            {
                "name": "engine",
                "readinessProbe": {"httpGet": None, "tcpSocket": {"port": "http"}},
                "livenessProbe": {"httpGet": None, "tcpSocket": {"port": "http"}},
            }
        ],
    }
}


def test_load_brings_replicas_and_its_end_takes_them(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))

    with Load(chat, at_once=12):
        until(chat.ready(4), 120)
        grown = chat.status["decisions"]
        until(lambda: chat.holds("ScalingLimited"))
        assert chat.condition("ScalingLimited")["reason"] == "MaxReplicas"
    up = next(entry for entry in grown if entry["action"] == "Scale")
    assert up["reason"] == "DemandAboveCapacity" and up["signal"] and up["value"] and up["target"]

    until(chat.ready(1), 120)
    assert chat.status["decisions"][0]["reason"] == "DemandBelowCapacity"
    assert {"ScalingUp", "ScalingDown"} <= set(chat.events())


def test_advice_is_given_and_not_taken(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    manifest = llmservice(chat.namespace)
    manifest["spec"]["scaling"]["mode"] = "Advisory"
    sandbox.apply(manifest)
    until(lambda: chat.holds("Ready"))
    with Load(chat, at_once=8):
        until(lambda: chat.status["desiredReplicas"] > 1)
        assert chat.deployment()["spec"]["replicas"] == 1
    assert chat.condition("ScalingActive")["reason"] == "Advisory"


def test_a_foreign_autoscaler_makes_rorqual_advise(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))
    sandbox.kubectl("autoscale", "deployment", "chat", "-n", chat.namespace, "--min=1", "--max=3", "--cpu=80%")
    until(lambda: chat.holds("AbleToScale", "False"))
    assert chat.condition("AbleToScale")["reason"] == "ConflictingAutoscaler"
    sandbox.kubectl("delete", "hpa", "chat", "-n", chat.namespace)
    until(lambda: chat.holds("AbleToScale"))


def test_an_external_autoscaler_drives_the_scale_subresource(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    manifest = llmservice(chat.namespace, replicas=1)
    manifest["spec"]["scaling"] = {"mode": "External"}
    sandbox.apply(manifest)
    until(lambda: chat.holds("Ready"))
    path = f"/apis/rorqual.io/v1alpha1/namespaces/{chat.namespace}/llmservices/chat/scale"
    assert "app.kubernetes.io/instance=chat" in sandbox.kubectl("get", "--raw", path).stdout

    sandbox.kubectl("scale", "llm", "chat", "-n", chat.namespace, "--replicas=2")
    until(chat.ready(2))
    assert chat.condition("ScalingActive")["reason"] == "ExternalReplicas"


def test_engines_are_scraped_when_prometheus_is_silent_and_all_is_held_when_both_are(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    manifest = llmservice(chat.namespace, template=TCP_PROBES)
    manifest["spec"]["scaling"]["minReplicas"] = 2
    sandbox.apply(manifest)
    until(chat.ready(2))
    until(lambda: 'rorqual_metrics_source_up{source="prometheus"} 1.0' in operator.get("/metrics")[1])

    sandbox.stop("prometheus")
    try:
        until(lambda: 'rorqual_metrics_source_up{source="prometheus"} 0.0' in operator.get("/metrics")[1])
        until(lambda: 'rorqual_metrics_source_up{source="scrape"} 1.0' in operator.get("/metrics")[1])
        assert chat.holds("MetricsAvailable")

        first, *others = (pod["metadata"]["name"] for pod in chat.pods())
        sandbox.pause_engine(chat.namespace, first)
        until(lambda: chat.status["health"]["verdict"] == "Fault", 90)  # all silent at once would be who listens
        for name in others:
            sandbox.pause_engine(chat.namespace, name)
        until(lambda: chat.holds("MetricsAvailable", "False"))
        until(lambda: chat.condition("ScalingActive")["reason"] in ("MetricsUnavailable", "FaultIsNotLoad"), 120)
        assert "Prometheus" in chat.condition("MetricsAvailable")["message"]
        chat.patch({"scaling": {"minReplicas": 1}})  # nobody knows the load: it must not shrink
        until(lambda: chat.status["observedGeneration"] == 2)
        assert chat.deployment()["spec"]["replicas"] == 2
        assert chat.status["health"]["verdict"] == "Fault"
    finally:
        for pod in chat.pods():
            sandbox.resume_engine(chat.namespace, pod["metadata"]["name"])
        sandbox.start("prometheus")
    until(lambda: chat.holds("MetricsAvailable"))


def test_works_with_no_prometheus_at_all(
    sandbox: Sandbox, run_operator: Callable[..., OperatorProcess], chat: Service, until: Until
) -> None:
    run_operator(prometheus_url="")
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready") and chat.holds("MetricsAvailable"))
    with Load(chat, at_once=6):
        until(lambda: chat.deployment()["spec"]["replicas"] > 1)


def test_a_lost_node_is_made_up_for(sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))
    (pod,) = chat.pods()
    node = sandbox.get("node", pod["spec"]["nodeName"])
    sandbox.delete_node(node["metadata"]["name"])
    try:
        lost = pod["metadata"]["uid"]
        until(lambda: any(other["metadata"]["uid"] != lost for other in chat.ready_pods()), 120)
        until(lambda: chat.holds("Ready"))
    finally:
        sandbox.apply(fresh(node))


def fresh(node: dict[str, Any]) -> dict[str, Any]:
    """A node to be created anew; kwok gives it its status."""
    kept = {key: node["metadata"][key] for key in ("name", "labels", "annotations") if key in node["metadata"]}
    return {**node, "metadata": kept}


def test_too_few_gpus_are_told_with_the_figures(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    manifest = llmservice(chat.namespace, hardware=[{"gpu": "NVIDIA-L40S"}])
    manifest["spec"]["model"] = {"name": "meta-llama/Llama-3.1-8B-Instruct", "maxContextTokens": 4096}
    manifest["spec"]["scaling"] = {"minReplicas": 6, "maxReplicas": 8}
    sandbox.apply(manifest)
    until(lambda: chat.holds("CapacityAvailable", "False"))
    assert "6 replicas of 1 NVIDIA-L40S are wanted, 4 are possible" in chat.condition("CapacityAvailable")["message"]
    until(chat.ready(4))
    assert chat.deployment()["spec"]["replicas"] == 4


def test_an_engine_that_crashes_is_a_fault_and_no_load(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))
    (pod,) = chat.pods()
    sandbox.kill_engine(chat.namespace, pod["metadata"]["name"])
    until(lambda: chat.status["health"]["verdict"] == "Fault")
    assert chat.holds("AnomalyDetected")
    assert chat.status["health"]["evidence"][0]["pod"] == pod["metadata"]["name"]
    until(lambda: chat.holds("Ready"))
    assert chat.deployment()["spec"]["replicas"] == 1
