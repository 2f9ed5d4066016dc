"""What the API server refuses is told once, not asked for again at every round, and harms nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from operating import OperatorProcess, Service, llmservice

from rorqual_sandbox.handle import Sandbox

pytestmark = pytest.mark.sandbox
Until = Callable[..., Any]


def test_a_template_that_the_api_server_refuses_stalls_and_leaves_what_runs(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))
    running = chat.deployment()["metadata"]["generation"]

    chat.patch({"template": {"spec": {"volumes": [{"name": "x", "hostPath": {"path": ""}}]}}})
    until(lambda: chat.holds("Stalled"))
    assert chat.condition("Stalled")["reason"] == "Refused"
    assert "spec.template.spec.volumes" in chat.condition("Stalled")["message"]
    assert chat.holds("Ready") and chat.deployment()["metadata"]["generation"] == running

    chat.patch({"template": {"spec": {"volumes": None}}})
    until(lambda: chat.holds("Stalled", "False"))


def test_a_template_that_takes_what_is_rorquals_own_names_the_field(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    template = {"spec": {"containers": [{"name": "engine", "image": "mine"}]}}
    sandbox.apply(llmservice(chat.namespace, template=template))
    until(lambda: chat.holds("Stalled"))
    assert chat.condition("Stalled")["reason"] == "InvalidTemplate"
    assert "use engine.image" in chat.condition("Stalled")["message"]
    assert not chat.pods()


def test_a_quota_is_told(sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until) -> None:
    sandbox.kubectl("create", "quota", "none", "-n", chat.namespace, "--hard=pods=0")
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: "exceeded quota" in chat.condition("Ready")["message"])


def test_a_deleted_namespace_takes_the_service_along(
    sandbox: Sandbox, operator: OperatorProcess, chat: Service, until: Until
) -> None:
    sandbox.apply(llmservice(chat.namespace))
    until(lambda: chat.holds("Ready"))
    sandbox.kubectl("delete", "namespace", chat.namespace, "--timeout=60s")
    assert operator.process.poll() is None
    sandbox.kubectl("create", "namespace", chat.namespace)
