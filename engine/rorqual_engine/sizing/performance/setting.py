"""What a prediction is asked for: a deployment, and the load on it."""

from dataclasses import dataclass
from typing import Literal

from rorqual_engine.sizing.performance.shape import Accelerator, Shape

RuntimeName = Literal["vllm", "sglang", "trtllm"]
Precision = Literal["bf16", "fp8", "fp4", "int8", "int4"]


@dataclass(frozen=True, slots=True)
class Load:
    """A closed loop: as soon as a request is answered, the next one arrives."""

    concurrency: float
    """Requests in flight over the whole deployment."""
    input_tokens: float
    """Mean length of a prompt."""
    output_tokens: float
    """Mean length of an answer; at least 1."""
    prefix_hit_rate: float = 0.0
    """Share of the prompt's tokens that the prefix cache already holds, 0 to 1."""
    prompt_square: float = 1.0
    """E[P^2] / E[P]^2 of the prompts' lengths P: 1 when all are alike."""
    answer_square: float = 1.0
    """The same of the answers."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One replica: its model, GPUs and parallelism."""

    model: Shape
    gpu: Accelerator
    precision: Precision = "bf16"
    """Of the weights."""
    runtime: RuntimeName = "vllm"
    tensor_parallel: int = 1
    """GPUs that share one layer (of the attention, where data_parallel splits it)."""
    pipeline_parallel: int = 1
    data_parallel: int = 1
    """Ranks over which the attention of one replica is repeated, each with its own requests (attention DP)."""
    expert_parallel: int = 1
    """Ranks over which the routed experts are spread whole; the rest of the GPUs split each expert."""
    batched_tokens: int = 8192
    """Tokens that one step may hold."""
    sequences: float = 1024.0
    """Most requests that run at once, by the engine's limit or its KV cache; the others wait."""
    kv_bytes: int = 2
    """Of one element of the KV cache."""
    accepted_tokens: float = 1.0
    """Tokens that one decode step yields: above 1 with speculative decoding."""

    @property
    def gpus(self) -> int:
        return self.tensor_parallel * self.pipeline_parallel * self.data_parallel
