"""vLLM's OpenAI-compatible server."""

from rorqual_engine import catalog
from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Configuration
from rorqual_operator.act.render.arguments import Argument, combine, option_names
from rorqual_operator.act.render.errors import RenderError
from rorqual_operator.act.render.ports import PORT
from rorqual_operator.act.render.source import Weights

NAME = "vLLM"
SHORT = {"-q": "--quantization"}
"""Short options for those that we set, besides those of the catalog."""
RESERVED = frozenset({"port", "uds", "ssl-keyfile", "ssl-certfile"})
"""Options that would move the server away from where its probes, Service and metrics are read."""
SHUTDOWN_TIMEOUT_SINCE = (0, 18, 0)
"""First version with --shutdown-timeout (vllm-project/vllm pull request 36666); before it SIGTERM aborts requests."""
CHECKPOINT_QUANTIZATION = {"fp8": "fp8"}
"""What --quantization is told. The others (awq, gptq, int8) stand in the checkpoint's own config.json, from which
vLLM chooses its fastest kernel; naming awq or gptq would force the slower one. fp8 also quantises a 16-bit checkpoint
while loading it."""


class VLLM:
    """vLLM (Runtime)."""

    health_path = "/health"
    metrics_path = "/metrics"

    def image(self, spec: LLMServiceSpec) -> str:
        return spec.engine.image or f"vllm/vllm-openai:v{spec.engine.version}"

    def command(self, spec: LLMServiceSpec, weights: Weights) -> list[str]:  # noqa: ARG002 - part of Runtime
        return ["vllm", "serve", weights.location]

    def arguments(
        self, spec: LLMServiceSpec, configuration: Configuration, weights: Weights, drain_seconds: int
    ) -> list[str]:
        extra = spec.engine.extra_args
        if taken := option_names(extra, _aliases()) & RESERVED:
            raise RenderError(
                f"engine.extraArgs may not set --{min(taken)}: "
                f"probes, Service and metrics need plain HTTP on port {PORT}"
            )
        ours = [
            Argument("port", str(PORT)),
            *_model(spec, weights),
            *_configuration(spec, configuration),
        ]
        if self.drains_by_itself(spec):
            ours.append(Argument("shutdown-timeout", str(drain_seconds)))
        return combine(ours, extra, _aliases())

    def drains_by_itself(self, spec: LLMServiceSpec) -> bool:
        return catalog.release(spec.engine.version) >= SHUTDOWN_TIMEOUT_SINCE


def _model(spec: LLMServiceSpec, weights: Weights) -> list[Argument]:
    model = spec.model
    found = [Argument("served-model-name", model.name)]
    if weights.scheme == "s3":
        found.append(Argument("load-format", "runai_streamer"))
    if model.quantization in CHECKPOINT_QUANTIZATION:
        found.append(Argument("quantization", CHECKPOINT_QUANTIZATION[model.quantization]))
    if model.dtype != "auto":
        found.append(Argument("dtype", model.dtype))
    if model.kv_cache_dtype != "auto":
        found.append(Argument("kv-cache-dtype", model.kv_cache_dtype))
    return found


def _configuration(spec: LLMServiceSpec, configuration: Configuration) -> list[Argument]:
    values = {
        "tensor_parallel": configuration.tensor_parallel,
        "pipeline_parallel": configuration.pipeline_parallel if configuration.pipeline_parallel > 1 else None,
        "max_concurrent_sequences": configuration.max_concurrent_sequences,
        "gpu_memory_share": _memory_share(spec, configuration),
        "max_context_tokens": configuration.max_context_tokens,
        "max_batched_tokens": configuration.max_batched_tokens,
    }
    flags = catalog.runtime(NAME).flags
    return [
        Argument(flags[name].lstrip("-"), f"{value:g}" if isinstance(value, float) else str(value))
        for name, value in values.items()
        if value is not None
    ]


def _memory_share(spec: LLMServiceSpec, configuration: Configuration) -> float | None:
    # HAMi shows the engine a GPU that is already cut to the share; the share of the share would be too little.
    return None if spec.sharing.scheme == "HAMi" else configuration.gpu_memory_share


def _aliases() -> dict[str, str]:
    known = {**catalog.runtime(NAME).short_flags, **SHORT}
    return {short.lstrip("-"): long.lstrip("-") for short, long in known.items()}
