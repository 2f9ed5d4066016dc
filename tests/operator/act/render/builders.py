"""Short ways to the inputs of the renderer."""

from typing import Any

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Configuration
from rorqual_operator.act.render import Owner, render

GPU = "NVIDIA-H100-80GB-HBM3"
OWNER = Owner("llm", "chat", "uid-1", 1)
CONFIGURATION = Configuration(GPU, 1, 256, 0.92, 8192)


def spec(**fields: Any) -> LLMServiceSpec:
    """A spec with defaults; fields in camelCase, as in a manifest."""
    return LLMServiceSpec.model_validate({"model": {"name": "org/model"}, "hardware": [{"gpu": GPU}], **fields})


def pod_template(of: LLMServiceSpec, configuration: Configuration = CONFIGURATION) -> dict[str, Any]:
    found: dict[str, Any] = render(OWNER, of, configuration)[0]["spec"]["template"]
    return found


def engine(of: LLMServiceSpec, configuration: Configuration = CONFIGURATION) -> dict[str, Any]:
    """The engine's container."""
    found: dict[str, Any] = pod_template(of, configuration)["spec"]["containers"][0]
    return found
