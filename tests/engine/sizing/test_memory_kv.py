"""How the KV cache is laid out, by kind of attention."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine import catalog
from rorqual_engine.sizing.memory_kv import BLOCK_TOKENS, kv_layout

BATCH = 8192


def facts_of(name):
    known = catalog.model(name)
    assert known is not None
    return known.facts


def layout_of(name, split=1, kv_bytes=2, stage=1.0):
    return kv_layout(facts_of(name), split, kv_bytes, 2, BATCH, stage)


def test_full_attention_keeps_every_token_in_one_group():
    layout = layout_of("meta-llama/Llama-3.1-8B")
    assert layout.group_count == 1
    assert layout.bytes_per_token == 2 * 32 * 8 * 128 * 2


def test_eight_bits_take_half():
    name = "meta-llama/Llama-3.1-8B"
    assert layout_of(name, kv_bytes=1).bytes_per_token == layout_of(name).bytes_per_token / 2


def test_latent_attention_keeps_one_vector_and_splits_it_nowhere():
    alone, split = layout_of("deepseek-ai/DeepSeek-V3"), layout_of("deepseek-ai/DeepSeek-V3", split=8)
    assert alone.bytes_per_token == split.bytes_per_token == 61 * 576 * 2


def test_sparse_attention_keeps_its_index_too():
    dense, sparse = layout_of("deepseek-ai/DeepSeek-V3"), layout_of("deepseek-ai/DeepSeek-V3.2")
    assert sparse.bytes_per_token - dense.bytes_per_token == 61 * 132


def test_groups_are_padded_to_the_fewest_layers():
    """Gemma 3 27B: 10 full and 52 sliding layers, so 7 groups of 10."""
    layout = layout_of("google/gemma-3-27b-it")
    assert layout.group_count == 7
    assert layout.block_bytes == 10 * BLOCK_TOKENS * 2 * 16 * 128 * 2


def test_a_window_bounds_what_a_long_sequence_holds():
    layout = layout_of("google/gemma-3-27b-it")
    assert layout.bytes_for(131072) < 0.3 * 131072 * layout.bytes_per_token
    full = next(group for group in layout.groups if group.most_tokens is None)
    grown = layout.bytes_for(131072) - layout.bytes_for(65536)
    assert grown == full.groups * 65536 / BLOCK_TOKENS * layout.block_bytes


def test_a_state_is_one_block_however_long_the_sequence():
    layout = layout_of("Qwen/Qwen3-Next-80B-A3B-Instruct")
    linear = next(group for group in layout.groups if group.most_tokens == 1)
    assert linear.blocks(1) == linear.blocks(262144) == linear.groups


def test_a_block_holds_a_whole_state():
    facts = facts_of("Qwen/Qwen3-Next-80B-A3B-Instruct")
    layout = layout_of("Qwen/Qwen3-Next-80B-A3B-Instruct")
    state = next(group.state for group in facts.attention if group.state)
    one = layout.block_bytes / 12
    assert one >= state.recurrent_elements * 4 + state.convolution_elements * 2
    assert layout.block_tokens % BLOCK_TOKENS == 0


def test_smaller_pages_hold_more_tokens():
    """Gemma 4's full layers have fewer, wider heads: half the bytes a token, so twice the tokens in a block."""
    layout = layout_of("google/gemma-4-26B-A4B")
    assert sorted(group.block_tokens for group in layout.groups) == [16, 32]


def test_half_the_layers_take_half():
    name = "meta-llama/Llama-3.1-8B"
    assert layout_of(name, stage=0.5).bytes_per_token == layout_of(name).bytes_per_token / 2


@pytest.mark.parametrize("name", catalog.model_names())
def test_every_model_has_a_layout(name):
    layout = layout_of(name)
    assert layout.block_bytes > 0
    assert layout.tokens_in(-1.0) == 0
    assert 0 < layout.bytes_for(1) <= layout.bytes_for(1000)


@given(name=st.sampled_from(catalog.model_names()), available=st.floats(0, 1e12), limit=st.integers(1, 10**7))
def test_the_longest_context_fits_and_one_more_token_does_not(name, available, limit):
    layout = layout_of(name)
    longest = layout.longest_context(available, limit)
    assert longest == 0 or layout.bytes_for(longest) <= available
    assert longest == limit or layout.bytes_for(longest + 1) > available


@given(name=st.sampled_from(catalog.model_names()), split=st.sampled_from([1, 2, 4, 8, 16]))
def test_more_gpus_never_hold_more_each(name, split):
    assert layout_of(name, split=2 * split).bytes_for(10_000) <= layout_of(name, split=split).bytes_for(10_000)
