"""Every object that an LLMService owns."""

from dataclasses import dataclass
from typing import Any

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Configuration
from rorqual_operator.act.render.companions import disruption_budget, inference_pool, pod_monitor, service
from rorqual_operator.act.render.deployment import deployment
from rorqual_operator.act.render.identity import Owner
from rorqual_operator.act.render.runtime import Runtime
from rorqual_operator.act.render.vllm import VLLM

RUNTIMES: dict[str, Runtime] = {"vLLM": VLLM()}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Which optional kinds the cluster knows."""

    pod_monitor: bool = False
    inference_pool: bool = False


NOTHING_OPTIONAL = Capabilities()


def render(
    owner: Owner,
    spec: LLMServiceSpec,
    configuration: Configuration,
    capabilities: Capabilities = NOTHING_OPTIONAL,
) -> list[dict[str, Any]]:
    """The children of `owner`, the Deployment first; spec.replicas is never among its fields.

    Raises RenderError when the spec asks for what cannot be had; nothing is to be applied then.
    """
    runtime = RUNTIMES[spec.engine.runtime]
    found = [
        deployment(owner, spec, configuration, runtime),
        service(owner, spec),
        disruption_budget(owner, spec),
    ]
    if capabilities.pod_monitor:
        found.append(pod_monitor(owner, spec, runtime))
    if capabilities.inference_pool:
        found.append(inference_pool(owner, spec))
    return found
