"""The memory law: what one GPU of a replica holds, and how much is left for the KV cache.

    share x total = weights + activation + outside torch (+ CUDA graphs, in versions that count them) + KV cache

holds to 0.04 GiB in the 63 start-ups of vLLM 0.15 to 0.19 on H100-80GB that the llm-d-planner accuracy campaign
published (Apache-2.0). The terms were derived from those rows:

* weights: parameters x bytes of an element, over the tensor-parallel GPUs; what a quantised checkpoint keeps whole
  (embeddings, output layer) at the dtype's width.
* activation: vLLM's profile run does a forward step of the most tokens, then samples for the most sequences, and the
  greater peak counts. Sampling: 14.64 bytes per logit (logits in float32 with their sorted copies) and 1.58 elements of
  the hidden state per token, from two linear equations (Llama-3.1-8B 1.89 GiB, Qwen2.5-7B 2.21 GiB; 1024 sequences,
  8192 tokens). Forward: 3 x intermediate / tp + 4 x hidden elements per token (CodeLlama-7B, Granite-3.1-8B, whose
  vocabularies are small). Experts add their own work space of `active` copies per token (Mixtral, Qwen3-30B-A3B).
* outside torch: CUDA context and library buffers: 0.25 GiB alone, 2.07 GiB on two GPUs, 0.07 more for each doubling.
* CUDA graphs: 0.4 GiB + 0.018 GiB a layer, 0.4 GiB more with experts; they lie outside the share before 0.21.
* KV cache: keys and values of every layer; heads are split over GPUs and repeated once there are more GPUs than heads;
  a latent cache (MLA) is repeated on every GPU.

Largest errors on those rows are asserted in tests/engine/sizing/test_memory.py.
"""

import math
from dataclasses import dataclass

from rorqual_engine.catalog import GPU
from rorqual_engine.sizing.engine import Engine
from rorqual_engine.units import GIB

BLOCK_TOKENS = 16
"""Tokens of one KV block in vLLM."""
MARGIN_BYTES = GIB // 2
"""What the law may be wrong by, so what is not counted on where too little would keep the engine from starting: the
greatest error on the campaign's rows is 0.31 GiB."""
HIGHEST_SHARE = 0.95
"""No share above this is chosen: every start of the campaign but one ran with it."""
CONTEXT_BYTES = int(0.51 * GIB)
"""Taken before the engine starts: 78.68 of 79.19 GiB were free at every start of the campaign."""

_WEIGHT_BYTES = {
    "fp8": 1.0,
    "int8": 1.0,
    "awq": 0.5 + 2.5 / 128,  # 4 bits, and per group of 128 a 16-bit scale and a 4-bit zero
    "gptq": 0.5 + 2.5 / 128,
    "mxfp4": 0.5 + 1 / 32,  # 4 bits, and per group of 32 an 8-bit scale
}
_HIDDEN_ELEMENTS_KEPT = 1.58


@dataclass(frozen=True, slots=True)
class Budget:
    """Memory of one GPU in bytes, at one configuration."""

    total: int
    share: float
    weights: float
    activation: float
    non_torch: float
    graphs: float
    graphs_in_share: bool
    kv_bytes_per_token: float

    @property
    def fixed(self) -> float:
        """All that the share must hold besides the KV cache."""
        return self.weights + self.activation + self.non_torch + (self.graphs if self.graphs_in_share else 0)

    @property
    def kv_cache(self) -> float:
        """Bytes left for the KV cache; negative when the rest alone does not fit."""
        return self.share * self.total - self.fixed

    @property
    def kv_tokens(self) -> int:
        """Tokens that the KV cache holds, in whole blocks; never negative."""
        return self._tokens_in(self.kv_cache)

    @property
    def sure_tokens(self) -> int:
        """Tokens that the KV cache holds even if the law is wrong by MARGIN_BYTES."""
        return self._tokens_in(self.kv_cache - MARGIN_BYTES)

    def needed(self, tokens: int) -> float:
        """Bytes that surely hold everything and so many tokens."""
        blocks = math.ceil(tokens / BLOCK_TOKENS)
        return self.fixed + blocks * BLOCK_TOKENS * self.kv_bytes_per_token + MARGIN_BYTES

    def share_for(self, tokens: int) -> float:
        """Smallest share, in hundredths, that surely leaves room for so many tokens; above 1 when there is none."""
        return math.ceil(self.needed(tokens) / self.total * 100 - 1e-9) / 100

    def highest_share(self) -> float:
        """Largest share, in hundredths and at most HIGHEST_SHARE, that leaves room for what lies outside it."""
        outside = CONTEXT_BYTES + (0 if self.graphs_in_share else self.graphs)
        return min(HIGHEST_SHARE, math.floor((1 - outside / self.total) * 100 + 1e-9) / 100)

    def _tokens_in(self, kv_cache: float) -> int:
        blocks = kv_cache // (self.kv_bytes_per_token * BLOCK_TOKENS)
        return max(0, int(blocks)) * BLOCK_TOKENS

    @property
    def explanation(self) -> str:
        """The budget in words, in GiB."""
        parts = [
            f"weights {self.weights / GIB:.1f}",
            f"activation {self.activation / GIB:.1f}",
            f"outside torch {self.non_torch / GIB:.1f}",
        ]
        if self.graphs_in_share:
            parts.append(f"CUDA graphs {self.graphs / GIB:.1f}")
        return (
            f"{' + '.join(parts)} of {self.share:g} x {self.total / GIB:.1f} GiB; "
            f"KV cache {self.kv_cache / GIB:.1f} GiB = {self.kv_tokens:,} tokens"
        )


def memory_budget(engine: Engine, gpu: GPU, tensor_parallel: int, sequences: int, share: float) -> Budget:
    """The budget of one GPU of a replica that runs on `tensor_parallel` of them."""
    return Budget(
        total=gpu.usable_bytes,
        share=share,
        weights=weight_bytes(engine) / tensor_parallel + engine.facts.weights_beyond_parameters_gib * GIB,
        activation=activation_bytes(engine, engine.tokens_per_step(gpu), tensor_parallel, sequences),
        non_torch=non_torch_bytes(tensor_parallel),
        graphs=graph_bytes(engine),
        graphs_in_share=engine.rules.graphs_in_share,
        kv_bytes_per_token=kv_bytes_per_token(engine, tensor_parallel),
    )


def weight_bytes(engine: Engine) -> float:
    """Bytes of all parameters together."""
    facts = engine.facts
    if engine.quantization == "none":
        return facts.parameters * engine.dtype_bytes
    whole = min(facts.parameters_kept_whole, facts.parameters)
    return (facts.parameters - whole) * _WEIGHT_BYTES[engine.quantization] + whole * engine.dtype_bytes


def activation_bytes(engine: Engine, tokens: int, tensor_parallel: int, sequences: int) -> float:
    """Peak of working memory on one GPU, for steps of `tokens` and at most `sequences`."""
    facts = engine.facts
    dense = 0 if facts.experts else facts.intermediate_size
    forward = tokens * (3 * dense / tensor_parallel + 4 * facts.hidden_size) * engine.dtype_bytes
    per_logit = engine.rules.sampler_bytes_per_logit + engine.dtype_bytes - 2
    hidden = tokens * facts.hidden_size * _HIDDEN_ELEMENTS_KEPT * engine.dtype_bytes
    return max(forward, sequences * facts.vocabulary * per_logit + hidden) + _expert_bytes(
        engine, tokens, tensor_parallel
    )


def _expert_bytes(engine: Engine, tokens: int, tensor_parallel: int) -> float:
    """Work space of the fused experts: gate and up (or the output, if wider), and their product, per active expert."""
    experts = engine.facts.experts
    if experts is None or engine.quantization == "mxfp4":  # its kernels showed no such space (gpt-oss-20b)
        return 0
    width = experts.intermediate_size / tensor_parallel
    return tokens * experts.active * (max(2 * width, engine.facts.hidden_size) + width) * engine.dtype_bytes


def non_torch_bytes(tensor_parallel: int) -> float:
    """CUDA context, NCCL and all-reduce buffers. Above four GPUs nobody measured it: the same step is continued."""
    if tensor_parallel == 1:
        return 0.25 * GIB
    return (2.07 + 0.07 * (math.log2(tensor_parallel) - 1)) * GIB


def graph_bytes(engine: Engine) -> float:
    """CUDA graphs captured at start."""
    return (0.4 + 0.018 * engine.facts.layers + (0.4 if engine.facts.experts else 0)) * GIB


def kv_bytes_per_token(engine: Engine, tensor_parallel: int) -> float:
    """Bytes of one token's keys and values on one GPU."""
    facts = engine.facts
    layers = facts.kv_layers or facts.layers
    if facts.latent_size is not None:
        return layers * facts.latent_size * engine.kv_bytes
    heads = math.ceil(facts.kv_heads / tensor_parallel)
    return 2 * layers * heads * facts.head_size * engine.kv_bytes
