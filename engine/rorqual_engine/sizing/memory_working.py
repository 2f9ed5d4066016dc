"""Working memory of one GPU: activation, what lies outside torch, and CUDA graphs.

Derived from start-ups of vLLM 0.15 to 0.19 on H100 (accuracy campaign of llm-d-planner, Apache-2.0). vLLM's profile run
does a forward step of the most tokens, then samples for the most sequences; the greater peak counts, and what engines
keep for good lies beneath both:

* sampling: for each logit its copies in 16 and 32 bits and those of the sort, 14.6 bytes (38 before 0.17); the hidden
  states of all tokens, and of the sampled ones;
* forward: gate, up and their product for all tokens, and 3.75 hidden states; 8-bit schemes add the quantised product;
* beneath: cuBLAS's work space (32 MiB on Hopper); the two work spaces of fused experts, each of `active` copies a token
  of the widest of what they hold; with an encoder, embeddings of all tokens and the pixels behind them.
"""

import math
from dataclasses import dataclass

from rorqual_engine.catalog import RuntimeVersion
from rorqual_engine.catalog.architecture import ModelFacts
from rorqual_engine.units import GIB, MIB

LIBRARY_BYTES = 32 * MIB
"""cuBLAS's work space."""
_FORWARD_HIDDEN_STATES = 3.75
"""Residual, input, attention's output and part of its queries, keys and values: CodeLlama-7B, Granite-3.1-8B."""
_PIXEL_BYTES = 3 * 2
"""Three colours in 16 bits."""
_QUANTIZED_INPUTS = ("int8", "fp8")
_ODD_VOCABULARY_BYTES = int(0.21 * GIB)
"""Outside torch with a vocabulary of odd size: rows of logits are not aligned, and other kernels are loaded (Granite
3.1 and 3.3: 0.46 GiB where all others have 0.25)."""


@dataclass(frozen=True, slots=True)
class Step:
    """The largest step of an engine, as its profile run tries it on one GPU."""

    facts: ModelFacts
    scheme: str
    dtype_bytes: int
    tokens: int
    sequences: int
    tensor_parallel: int
    pipeline_parallel: int = 1


def activation_bytes(step: Step, rules: RuntimeVersion) -> float:
    """Peak of working memory inside torch on one GPU; with pipeline parallelism on the last stage, which samples."""
    beneath = LIBRARY_BYTES + _expert_bytes(step) + _encoder_bytes(step)
    return beneath + max(_forward_bytes(step), _sampling_bytes(step, rules))


def _sampling_bytes(step: Step, rules: RuntimeVersion) -> float:
    per_logit = rules.sampler_bytes_per_logit + step.dtype_bytes - 2
    sequences = min(step.sequences, step.tokens)
    hidden = (step.tokens + sequences) * step.facts.hidden_size * step.dtype_bytes
    return sequences * step.facts.vocabulary * per_logit + hidden


def _forward_bytes(step: Step) -> float:
    facts = step.facts
    dense = facts.intermediate_size / step.tensor_parallel if facts.dense_width != 0 else 0.0
    hidden = _FORWARD_HIDDEN_STATES * facts.hidden_size
    stages = 2 * facts.hidden_size if step.pipeline_parallel > 1 else 0
    quantised = dense if step.scheme in _QUANTIZED_INPUTS else 0.0
    wide = facts.feed_forward_matrices * dense
    return step.tokens * ((wide + hidden + stages) * step.dtype_bytes + quantised)


def _expert_bytes(step: Step) -> float:
    """The two work spaces of vLLM's fused experts; MXFP4's own kernels showed none (gpt-oss-20b)."""
    experts = step.facts.experts
    if experts is None or step.scheme == "mxfp4":
        return 0.0
    hidden = experts.hidden_size or step.facts.hidden_size
    size = experts.intermediate_size / step.tensor_parallel
    widest = max(size, hidden) + max((step.facts.feed_forward_matrices - 1) * size, hidden)
    return step.tokens * experts.active * widest * step.dtype_bytes


def _encoder_bytes(step: Step) -> float:
    if not step.facts.counts.encoder:
        return 0.0
    embeddings = step.facts.hidden_size * step.dtype_bytes
    return step.tokens * (embeddings + step.facts.encoder_pixels_per_token * _PIXEL_BYTES)


def non_torch_bytes(rules: RuntimeVersion, facts: ModelFacts, tensor_parallel: int) -> float:
    """CUDA context and loaded kernels, NCCL and all-reduce buffers.

    On two GPUs 2.06 GiB and on four 2.13, and some more with many layers. Above four nobody measured it: the same steps
    are continued. Stages of a pipeline showed 0.07 GiB; the figure of one GPU is kept for them, to be sure.
    """
    odd = _ODD_VOCABULARY_BYTES if facts.vocabulary % 2 else 0
    if tensor_parallel == 1:
        return rules.context_gib * GIB + odd
    doublings = math.log2(tensor_parallel)
    buffers = 2.02 + 0.035 * doublings + 0.0005 * facts.layers * (2 * doublings - 1)
    return (buffers + rules.context_gib - 0.25) * GIB + odd


def graph_bytes(facts: ModelFacts) -> float:
    """CUDA graphs captured at start: right to half a GiB; they lie outside the share before vLLM 0.21."""
    return (0.35 + 0.018 * facts.layers + (0.4 if facts.experts else 0)) * GIB
