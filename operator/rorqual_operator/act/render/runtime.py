"""What an inference engine must tell Rorqual so that its pods can be written down."""

from typing import Protocol

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Configuration
from rorqual_operator.act.render.source import Weights


class Runtime(Protocol):
    """One engine. Its container listens on `ports.PORT`."""

    health_path: str
    """Answers 200 once the model is loaded and the engine works."""
    metrics_path: str
    """Prometheus text."""

    def image(self, spec: LLMServiceSpec) -> str:
        """Container image, unless the spec names one."""
        ...

    def command(self, spec: LLMServiceSpec, weights: Weights) -> list[str]:
        """The container's command, with the model in it."""
        ...

    def arguments(
        self, spec: LLMServiceSpec, configuration: Configuration, weights: Weights, drain_seconds: int
    ) -> list[str]:
        """The container's args: ours, then engine.extraArgs, no option of ours twice.

        Raises RenderError when an extra argument would cut the engine off from its probes.
        """
        ...

    def drains_by_itself(self, spec: LLMServiceSpec) -> bool:
        """Whether this version finishes its requests after SIGTERM for the `drain_seconds` that it is told."""
        ...
