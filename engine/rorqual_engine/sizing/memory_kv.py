"""How vLLM lays out the KV cache: which blocks a token takes, on one GPU, by kind of attention.

Layers of one kind form groups of equal size, and a block of memory serves one layer in each group in turn, so kinds
with few layers set the size and the last group of the others is padded (vLLM, v1/core/kv_cache_utils.py):

* full attention: every token keeps keys and values; heads are split over GPUs, and repeated beyond their number.
* latent (MLA): one compressed vector a token, on every GPU whole; sparse attention adds its index keys.
* sliding, chunked: blocks beyond the window are given back, so one sequence holds a bounded number.
* linear: one state a sequence, in one block; blocks of the other kinds grow until a block holds a state.

A model of full or of latent attention alone has one group, and no padding.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

from rorqual_engine.catalog.architecture import AttentionLayers, LinearState, ModelFacts

BLOCK_TOKENS = 16
"""Tokens of one KV block in vLLM, unless another size is asked for."""
_NEARLY_EQUAL = 1.25
"""Kinds of which the largest has at most so many times the layers of the smallest get groups of the largest's size."""
_INDEX_SCALE_BYTES = 4
"""Index keys of sparse attention are kept in 8 bits with one scale per 128."""


@dataclass(frozen=True, slots=True)
class KVGroup:
    """Groups of layers of one kind, which take blocks together."""

    groups: int
    block_tokens: int
    most_tokens: int | None
    """Tokens of one sequence that it holds at most; None for all."""
    slack_blocks: int = 0
    """Blocks that one sequence holds beyond those of its tokens."""

    def blocks(self, tokens: int) -> int:
        """Blocks that one sequence of so many tokens holds."""
        held = tokens if self.most_tokens is None else min(tokens, self.most_tokens)
        return self.groups * (math.ceil(held / self.block_tokens) + self.slack_blocks)


@dataclass(frozen=True, slots=True)
class KVLayout:
    """The KV cache of one GPU."""

    block_bytes: float
    """Of one block, which serves one layer of each group."""
    groups: tuple[KVGroup, ...]

    @property
    def group_count(self) -> int:
        return sum(group.groups for group in self.groups)

    @property
    def block_tokens(self) -> int:
        """Tokens of the smallest block."""
        return min(group.block_tokens for group in self.groups)

    @property
    def bytes_per_token(self) -> float:
        """As the engine counts: as if every group kept every token."""
        return self.block_bytes * self.group_count / self.block_tokens

    def tokens_in(self, available_bytes: float) -> int:
        """Tokens that the engine says its cache holds (vLLM: GPU KV cache size); never negative."""
        blocks = int(max(0.0, available_bytes) // self.block_bytes)
        return blocks // self.group_count * self.block_tokens

    def bytes_for(self, tokens: int) -> float:
        """Bytes that one sequence of so many tokens takes: what vLLM checks --max-model-len against at start."""
        return self.block_bytes * sum(group.blocks(tokens) for group in self.groups)

    def longest_context(self, available_bytes: float, limit: int) -> int:
        """The longest single sequence that so many bytes hold, up to `limit`; 0 for none."""
        if self.bytes_for(limit) <= available_bytes:
            return limit
        fits, too_long = 0, limit
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            if self.bytes_for(middle) <= available_bytes:
                fits = middle
            else:
                too_long = middle
        return fits


@lru_cache(maxsize=4096)
def kv_layout(
    facts: ModelFacts, tensor_parallel: int, kv_bytes: int, state_bytes: int, batched_tokens: int, stage: float = 1.0
) -> KVLayout:
    """The layout on one of `tensor_parallel` GPUs that hold the share `stage` of the layers; kept, like weight_bytes.

    `kv_bytes`, `state_bytes`: of one element of the cache and of a recurrent state that has no width of its own.
    `batched_tokens`: of one step; a window holds that many more.
    """
    kept = [layers for layers in facts.attention if layers.kind != "linear"]
    linear = [layers for layers in facts.attention if layers.kind == "linear"]
    page = max((_token_bytes(facts, layers, tensor_parallel, kv_bytes) for layers in kept), default=0.0)
    states = [_state_bytes(layers.state, tensor_parallel, state_bytes) for layers in linear if layers.state]
    block = _block_tokens(page, max(states, default=0.0))
    merged = _merged(kept) if not linear else kept
    size = _group_size([*merged, *linear], stage)
    groups = [
        _group(layers, size, stage, _own_block(facts, layers, tensor_parallel, kv_bytes, page, block), batched_tokens)
        for layers in [*merged, *linear]
    ]
    return KVLayout(block_bytes=size * max(page * block, max(states, default=0.0)), groups=tuple(groups))


def _token_bytes(facts: ModelFacts, layers: AttentionLayers, tensor_parallel: int, kv_bytes: int) -> float:
    """Of one token in one layer on one GPU."""
    if layers.kind == "latent" and facts.latent is not None:
        index = facts.latent.index_size + _INDEX_SCALE_BYTES if facts.latent.index_heads else 0
        return facts.latent.size * kv_bytes + index
    heads = math.ceil(layers.kv_heads / tensor_parallel)
    return heads * (layers.head_size + (layers.value_size or layers.head_size)) * kv_bytes


def _state_bytes(state: LinearState, tensor_parallel: int, state_bytes: int) -> float:
    recurrent = state.recurrent_elements * (state.recurrent_bytes or state_bytes)
    return (recurrent + state.convolution_elements * state_bytes) / tensor_parallel


def _block_tokens(page: float, state: float) -> int:
    """Tokens of a block: 16, or as many as it takes to be as large as a state."""
    if not state or not page:
        return BLOCK_TOKENS
    return max(1, math.ceil(state / (page * BLOCK_TOKENS))) * BLOCK_TOKENS


def _own_block(
    facts: ModelFacts, layers: AttentionLayers, tensor_parallel: int, kv_bytes: int, page: float, block: int
) -> int:
    """Tokens of a block of these layers: more where theirs are smaller, so that all blocks have one size."""
    if layers.kind == "linear":
        return block
    own = _token_bytes(facts, layers, tensor_parallel, kv_bytes)
    return block * max(1, int(page // own)) if own else block


def _merged(kept: list[AttentionLayers]) -> list[AttentionLayers]:
    """Full layers that differ in heads alone share one group: the widest counts for all."""
    full = [layers for layers in kept if layers.kind == "full"]
    if len(full) < 2:
        return kept
    whole = max(full, key=lambda layers: layers.kv_elements)
    joined = whole.model_copy(update={"layers": sum(layers.layers for layers in full)})
    return [joined, *(layers for layers in kept if layers.kind != "full")]


def _group_size(kinds: list[AttentionLayers], stage: float) -> int:
    counts = [math.ceil(layers.layers * stage) for layers in kinds]
    return max(counts) if max(counts) < _NEARLY_EQUAL * min(counts) else min(counts)


def _group(layers: AttentionLayers, size: int, stage: float, block: int, batched_tokens: int) -> KVGroup:
    groups = math.ceil(math.ceil(layers.layers * stage) / size)
    if layers.kind == "linear":
        return KVGroup(groups, block, most_tokens=1)
    if layers.window is None:
        return KVGroup(groups, block, most_tokens=None)
    if layers.kind == "chunked":
        return KVGroup(groups, block, most_tokens=layers.window + batched_tokens)
    return KVGroup(groups, block, most_tokens=layers.window - 1 + batched_tokens, slack_blocks=1)
