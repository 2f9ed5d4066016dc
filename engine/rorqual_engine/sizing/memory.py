"""The memory law: what one GPU of a replica holds, and how much is left for the KV cache.

    share x total = weights + activation + outside torch (+ CUDA graphs, in versions that count them) + KV cache

holds to 0.04 GiB in the 63 start-ups of vLLM 0.15 to 0.19 on H100-80GB that the llm-d-planner accuracy campaign
published (Apache-2.0). memory_weights.py, memory_working.py and memory_kv.py have the terms and what they come from;
the errors on those rows are asserted in tests/engine/sizing/test_memory.py.
"""

import bisect
import math
from dataclasses import dataclass, replace
from typing import Literal

from rorqual_engine.catalog import GPU
from rorqual_engine.sizing.engine import Engine
from rorqual_engine.sizing.memory_kv import BLOCK_TOKENS, KVLayout, kv_layout
from rorqual_engine.sizing.memory_weights import Stored, total_weight_bytes, weight_bytes
from rorqual_engine.sizing.memory_working import Step, activation_bytes, graph_bytes, non_torch_bytes
from rorqual_engine.units import GIB

__all__ = ["BLOCK_TOKENS", "MARGIN_BYTES", "Budget", "for_sequences", "memory_budget", "most_sequences", "stored_bytes"]

MARGIN_BYTES = GIB // 4
"""Part of what the law may be wrong by that does not grow with the model: more than its greatest error on the rows of
the campaign, 0.19 GiB."""
_WEIGHT_DOUBT = 0.005
_WORKING_DOUBT = 0.05
"""The parts of the margin that grow: shares of weights, and of activation and what lies outside torch."""
HIGHEST_SHARE = 0.95
"""No share above this is chosen: every start of the campaign but one ran with it."""
CONTEXT_BYTES = int(0.51 * GIB)
"""Taken before the engine starts: 78.68 of 79.19 GiB were free at every start of the campaign."""
_GRAPH_DOUBT_BYTES = GIB // 2
"""What the size of CUDA graphs may be wrong by: at most 0.48 GiB on the rows of the campaign."""
_OTHER_VENDOR_DOUBT_BYTES = GIB
_STATE_BYTES = 2
"""Of an element of a convolution's window, and of a state that says nothing else, with the engine's default dtype."""

MOST_TRIED_SEQUENCES = 8192
Start = Literal["starts", "may start", "does not start"]


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
    kv: KVLayout
    doubt: float = 0.0
    """What the law may be wrong by where nothing was measured: on other vendors' GPUs."""

    @property
    def kv_bytes_per_token(self) -> float:
        """As the engine counts tokens."""
        return self.kv.bytes_per_token

    @property
    def fixed(self) -> float:
        """All that the share must hold besides the KV cache."""
        return self.weights + self.activation + self.non_torch + (self.graphs if self.graphs_in_share else 0)

    @property
    def margin(self) -> float:
        """What the law may be wrong by, in bytes, either way."""
        graphs = _GRAPH_DOUBT_BYTES if self.graphs_in_share else 0
        grown = _WEIGHT_DOUBT * self.weights + _WORKING_DOUBT * (self.activation + self.non_torch)
        return MARGIN_BYTES + grown + graphs + self.doubt

    @property
    def kv_cache(self) -> float:
        """Bytes left for the KV cache; negative when the rest alone does not fit."""
        return self.share * self.total - self.fixed

    @property
    def kv_tokens(self) -> int:
        """Tokens that the KV cache holds, in whole blocks; never negative."""
        return self.kv.tokens_in(self.kv_cache)

    @property
    def sure_tokens(self) -> int:
        """Tokens that the KV cache holds even if the law is wrong by its margin."""
        return self.kv.tokens_in(self.kv_cache - self.margin)

    @property
    def token_interval(self) -> tuple[int, int]:
        """Between these the tokens lie that the KV cache will hold."""
        return self.sure_tokens, self.kv.tokens_in(self.kv_cache + self.margin)

    def start(self, context_tokens: int) -> Start:
        """Whether the engine starts with such a --max-model-len: vLLM refuses when one such sequence does not fit."""
        needed = self.kv.bytes_for(context_tokens)
        if needed <= self.kv_cache - self.margin:
            return "starts"
        return "may start" if needed <= self.kv_cache + self.margin else "does not start"

    def longest_context(self, limit: int) -> int:
        """The longest --max-model-len, up to `limit`, with which the engine surely starts; 0 for none."""
        return self.kv.longest_context(self.kv_cache - self.margin, limit)

    def needed(self, tokens: int) -> float:
        """Bytes that surely hold everything and so many tokens."""
        blocks = math.ceil(tokens / self.kv.block_tokens) * self.kv.group_count
        return self.fixed + blocks * self.kv.block_bytes + self.margin

    def share_for(self, tokens: int) -> float:
        """Smallest share, in hundredths, that surely leaves room for so many tokens; above 1 when there is none."""
        return math.ceil(self.needed(tokens) / self.total * 100 - 1e-9) / 100

    def highest_share(self) -> float:
        """Largest share, in hundredths and at most HIGHEST_SHARE, that leaves room for what lies outside it."""
        outside = CONTEXT_BYTES + (0 if self.graphs_in_share else self.graphs)
        return min(HIGHEST_SHARE, math.floor((1 - outside / self.total) * 100 + 1e-9) / 100)

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


def memory_budget(
    engine: Engine, gpu: GPU, tensor_parallel: int, sequences: int, share: float, pipeline_parallel: int = 1
) -> Budget:
    """The budget of one GPU of a replica on `tensor_parallel` x `pipeline_parallel` of them: of the one with the least.

    Raises ValueError for counts below one and shares outside 0 to 1, NaN included.
    """
    _check(tensor_parallel, pipeline_parallel, sequences, share)
    facts, tokens = engine.facts, engine.tokens_per_step(gpu)
    stage = math.ceil(facts.layers / pipeline_parallel) / facts.layers
    return Budget(
        total=gpu.usable_bytes,
        share=share,
        weights=weight_bytes(_stored(engine, tensor_parallel, pipeline_parallel)),
        activation=_activation(engine, gpu, tensor_parallel, sequences, pipeline_parallel),
        non_torch=non_torch_bytes(engine.rules, facts, tensor_parallel),
        graphs=graph_bytes(facts),
        graphs_in_share=engine.rules.graphs_in_share,
        kv=kv_layout(facts, tensor_parallel, engine.kv_bytes, _STATE_BYTES, tokens, stage),
        doubt=0.0 if gpu.vendor == "NVIDIA" else _OTHER_VENDOR_DOUBT_BYTES,
    )


def for_sequences(
    budget: Budget, engine: Engine, gpu: GPU, tensor_parallel: int, sequences: int, pipeline_parallel: int = 1
) -> Budget:
    """The budget of the same GPU for another number of sequences: activation alone differs."""
    return replace(budget, activation=_activation(engine, gpu, tensor_parallel, sequences, pipeline_parallel))


def most_sequences(
    engine: Engine, gpu: GPU, tensor_parallel: int, share: float, context_tokens: int, limit: int = MOST_TRIED_SEQUENCES
) -> int:
    """The largest --max-num-seqs, up to `limit`, with which the engine surely starts with that --max-model-len, or 0.

    Working memory grows with it, and the KV cache must still hold one sequence of the longest context.
    """

    one = memory_budget(engine, gpu, tensor_parallel, 1, share)

    def failures(sequences: int) -> int:
        budget = for_sequences(one, engine, gpu, tensor_parallel, sequences)
        return 0 if budget.start(context_tokens) == "starts" else 1

    return bisect.bisect_left(range(1, limit + 1), 1, key=failures)


def stored_bytes(engine: Engine) -> float:
    """Bytes of all weights together, each once: what a checkpoint takes on disk."""
    return total_weight_bytes(_stored(engine, 1, 1))


def _activation(engine: Engine, gpu: GPU, tensor_parallel: int, sequences: int, pipeline_parallel: int) -> float:
    step = Step(
        *(engine.facts, engine.quantization, engine.dtype_bytes, engine.tokens_per_step(gpu)),
        *(sequences, tensor_parallel, pipeline_parallel),
    )
    return activation_bytes(step, engine.rules)


def _stored(engine: Engine, tensor_parallel: int, pipeline_parallel: int) -> Stored:
    facts = engine.facts
    return Stored(facts, engine.quantization, engine.whole, engine.dtype_bytes, tensor_parallel, pipeline_parallel)


def _check(tensor_parallel: int, pipeline_parallel: int, sequences: int, share: float) -> None:
    for name, count in (("tensor", tensor_parallel), ("pipeline", pipeline_parallel), ("sequences", sequences)):
        if count < 1:
            raise ValueError(f"memory budget: {name} is {count}; expected at least 1")
    if not 0 < share <= 1:
        raise ValueError(f"memory budget: share is {share}; expected a number above 0 and at most 1")
