"""The engine that is to be sized: a model, how it is stored, and the runtime's rules."""

import json
from dataclasses import dataclass
from functools import lru_cache

from rorqual_engine import catalog
from rorqual_engine.api.spec import Architecture, LLMServiceSpec, Model
from rorqual_engine.catalog import GPU, ModelFacts, RuntimeVersion
from rorqual_engine.plan import Reason, Replica, Stall
from rorqual_engine.snapshot import ModelConfig

_DTYPE_BYTES = {"auto": 2, "bfloat16": 2, "float16": 2, "float32": 4}
_WIDE_FEED_FORWARD = 4
"""Intermediate size over hidden size where an inline architecture does not say it: among the widest in use."""


@dataclass(frozen=True, slots=True)
class MeasuredMemory:
    """What engines on one kind of replica were seen to use beyond the memory law; negative when less."""

    replica: Replica
    bytes_each: float
    """On each GPU."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What decides memory besides the GPU and the configuration."""

    name: str
    facts: ModelFacts
    quantization: str
    dtype_bytes: int
    kv_bytes: int
    """Of one element of the KV cache."""
    rules: RuntimeVersion
    left_whole: tuple[catalog.Part, ...] | None = None
    """Parts that stay in dtype when the rest is quantised; None for those of the model's own checkpoint."""
    batched_tokens: int | None = None
    """Tokens of one step, where the spec fixes them or the search tries others than the engine's own."""
    chosen_tokens: int | None = None
    """The same, where the search chose them: only then is the engine told."""
    measured: MeasuredMemory | None = None
    accepted_tokens: float = 1.0
    """Tokens that one decode step yields for a sequence (speculative decoding)."""

    @property
    def whole(self) -> tuple[catalog.Part, ...]:
        """Parts that stay in dtype when the rest is quantised."""
        if self.left_whole is not None:
            return self.left_whole
        own = self.facts.storage
        return own.whole if own.scheme == self.quantization else catalog.NEVER_QUANTIZED

    def tokens_per_step(self, gpu: GPU) -> int:
        """Tokens that one step may hold (vLLM: --max-num-batched-tokens)."""
        return self.batched_tokens or self.rules.batch_defaults(gpu.batch_class).batched_tokens


def describe_engine(
    spec: LLMServiceSpec, batched_tokens: int | None, found: ModelConfig | None = None
) -> Engine | Stall:
    """The engine of a spec, with the config.json that was found for it outside the spec.

    A Stall of UnknownModel when nobody knows the architecture, of ModelConfigUnavailable when the config.json that
    would tell it could not be had.
    """
    known = _known_model(spec, found)
    if isinstance(known, Stall):
        return known
    stored = known.storage if spec.model.quantization == "none" else catalog.Storage(scheme=spec.model.quantization)
    dtype_bytes = _DTYPE_BYTES[spec.model.dtype]
    return Engine(
        name=spec.model.name,
        facts=known.facts,
        quantization=stored.scheme,
        dtype_bytes=dtype_bytes,
        kv_bytes=1 if spec.model.kv_cache_dtype == "fp8" else dtype_bytes,
        rules=catalog.runtime_version(spec.engine.runtime, spec.engine.version),
        left_whole=stored.whole,
        batched_tokens=batched_tokens,
        accepted_tokens=spec.workload.tokens_per_step,
    )


def needs_config(model: Model) -> bool:
    """Whether neither the spec nor the catalog tells the architecture, nor where to find it."""
    given = model.config_json or model.config_json_from or model.architecture
    return given is None and catalog.model(model.name) is None


def _known_model(spec: LLMServiceSpec, found: ModelConfig | None) -> catalog.KnownModel | Stall:
    model = spec.model
    if model.config_json is not None:
        return _read(model.name, ModelConfig("spec.model.configJson", model.config_json))
    if model.config_json_from is not None:
        return _read(model.name, found or ModelConfig("spec.model.configJsonFrom", problem="it was not looked for"))
    if model.architecture is not None:
        return catalog.KnownModel(_inline(model.name, model.architecture), catalog.Storage())
    known = catalog.model(model.name)
    if known is None and found is not None:
        return _read(model.name, found)
    return known or _unknown_model(model.name)


def _read(name: str, found: ModelConfig) -> catalog.KnownModel | Stall:
    if found.text is None:
        return Stall(Reason.MODEL_CONFIG_UNAVAILABLE, f"{found.origin}: {found.problem}")
    try:
        return _described(name, found.text)
    except catalog.ConfigError as error:
        return Stall(Reason.UNKNOWN_MODEL, f"{found.origin}: {error}")


@lru_cache(maxsize=256)
def _described(name: str, text: str) -> catalog.KnownModel:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise catalog.ConfigError(f"{name}: not JSON: {error}") from error
    if not isinstance(config, dict):
        raise catalog.ConfigError(f"{name}: expected a JSON object, found {type(config).__name__}")
    try:
        facts = catalog.read_config_json(config, name)
    except catalog.ConfigError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # one service's file must not fail the round of all, whatever shape its lists have inside
        raise catalog.ConfigError(f"config.json of {name}: a field has no shape that is known here: {error}") from error
    return catalog.KnownModel(facts, facts.storage)


def _inline(name: str, given: Architecture) -> ModelFacts:
    return ModelFacts(
        name=name, intermediate_size=_WIDE_FEED_FORWARD * given.hidden_size, **given.model_dump(by_alias=False)
    )


def _unknown_model(name: str) -> Stall:
    near = catalog.near_models(name)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    return Stall(
        Reason.UNKNOWN_MODEL,
        f"model {name!r} is not in the catalog.{hint} Give spec.model.architecture (parameters, layers, hiddenSize, "
        "attentionHeads, kvHeads, headSize, vocabulary, maxContextTokens), or the text of its config.json in "
        "spec.model.configJson or in a ConfigMap that spec.model.configJsonFrom names",
    )
