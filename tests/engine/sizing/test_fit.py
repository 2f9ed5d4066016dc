"""Which configuration a model gets on a GPU."""

import pytest

from rorqual_engine.plan import Reason

from ..builders import A100, H100, L4, LLAMA_8B, LLAMA_70B, a_node, a_spec
from .cases import configuration, recommended, stalled


def test_a_model_that_fits_one_gpu_gets_one_with_the_engines_share():
    found = configuration(a_spec())
    assert (found.gpu, found.tensor_parallel, found.gpu_memory_share) == (H100, 1, 0.9)
    assert found.max_context_tokens == 131072


def test_the_share_follows_the_engines_version():
    assert configuration(a_spec(engine={"version": "0.21.0"})).gpu_memory_share == 0.92


def test_70b_needs_two():
    assert configuration(a_spec(LLAMA_70B)).tensor_parallel == 2


def test_the_share_is_raised_when_that_makes_it_fit():
    spec = a_spec(model={"name": LLAMA_70B, "maxContextTokens": 16384})
    found = configuration(spec)
    assert found.tensor_parallel == 2
    assert found.gpu_memory_share is not None and 0.9 < found.gpu_memory_share <= 0.95


def test_a_longer_context_needs_more_gpus():
    spec = a_spec(model={"name": LLAMA_70B, "maxContextTokens": 131072})
    assert configuration(spec).tensor_parallel == 4


def test_heads_are_split_evenly():
    """Phi-4 has 10 key/value heads: four GPUs can neither split nor repeat them."""
    spec = a_spec("microsoft/phi-4", (L4,), workload={"inputTokens": 7000, "outputTokens": 1000})
    assert configuration(spec, (a_node(gpu=L4),)).tensor_parallel == 2


def test_no_more_gpus_than_the_largest_node_has():
    assert configuration(a_spec(gpus=(L4,)), (a_node(gpu=L4, gpus=2),)).tensor_parallel <= 2


def test_a_pinned_count_is_taken_also_when_fewer_would_do():
    assert configuration(a_spec(configuration={"tensorParallel": 4})).tensor_parallel == 4


def test_sequences_are_what_the_cache_holds_at_the_mean():
    spec = a_spec(workload={"inputTokens": 6000, "outputTokens": 2000})
    found = recommended(spec)
    sequences = found.configuration.max_concurrent_sequences
    assert sequences is not None
    assert sequences == pytest.approx(found.kv_cache_tokens / 8000, abs=1)


def test_sequences_end_at_256():
    spec = a_spec(workload={"inputTokens": 100, "outputTokens": 10})
    assert configuration(spec).max_concurrent_sequences == 256


def test_pinned_sequences_stay_though_the_cache_holds_fewer():
    spec = a_spec(workload={"inputTokens": 60_000}, configuration={"maxConcurrentSequences": 512})
    assert configuration(spec).max_concurrent_sequences == 512


def test_fewer_sequences_leave_more_for_the_cache():
    few = recommended(a_spec(configuration={"maxConcurrentSequences": 1}))
    many = recommended(a_spec(configuration={"maxConcurrentSequences": 1024}))
    assert few.kv_cache_tokens > many.kv_cache_tokens


def test_the_context_is_lowered_to_what_fits_and_says_so():
    found = recommended(a_spec(gpus=(L4,)), (a_node(gpu=L4),))
    assert found.configuration.max_context_tokens is not None
    assert found.configuration.max_context_tokens < found.kv_cache_tokens < 131072
    assert "lowered from 131,072" in found.explanation


def test_a_pinned_context_is_never_lowered():
    spec = a_spec(gpus=(L4,), model={"name": LLAMA_8B, "maxContextTokens": 65536})
    found = configuration(spec, (a_node(gpu=L4),))
    assert (found.max_context_tokens, found.tensor_parallel) == (65536, 2)


def test_fp8_weights_and_cache_make_room():
    whole = recommended(a_spec())
    small = recommended(a_spec(model={"name": LLAMA_8B, "quantization": "fp8", "kvCacheDtype": "fp8"}))
    assert small.kv_cache_tokens > 2 * whole.kv_cache_tokens


def test_a_checkpoint_is_stored_as_its_name_says():
    assert configuration(a_spec("deepseek-ai/DeepSeek-R1", ("NVIDIA-H200",))).tensor_parallel == 8


def test_hami_takes_the_smallest_share_that_holds_the_workload():
    spec = a_spec(sharing={"scheme": "HAMi"}, configuration={"maxConcurrentSequences": 16})
    found = recommended(spec)
    share = found.configuration.gpu_memory_share
    assert share is not None and share < 0.4
    assert found.kv_cache_tokens >= 16 * 1280


def test_a_mig_slice_is_one_small_gpu():
    spec = a_spec("meta-llama/Llama-3.2-3B", (A100,), sharing={"scheme": "MIG", "resource": "nvidia.com/mig-1g.10gb"})
    found = configuration(spec, (a_node(gpu=A100),))
    assert found.tensor_parallel == 1
    assert found.max_context_tokens is not None and found.max_context_tokens < 30_000


def test_the_explanation_names_every_figure():
    text = recommended(a_spec()).explanation
    assert "weights 15.0 + activation 0.9 + outside torch 0.2 of 0.9 x 79.2 GiB" in text
    assert "256 sequences, 1,280 tokens each" in text


def test_what_fits_only_if_the_law_is_exact_does_not_fit():
    """The cache would hold the context by the law; a quarter GiB less and vLLM would refuse to start."""
    most = recommended(a_spec(LLAMA_70B, configuration={"gpuMemoryShare": 0.9, "tensorParallel": 2}))
    context = most.configuration.max_context_tokens
    assert context is not None and context + 1000 < most.kv_cache_tokens
    model = {"name": LLAMA_70B, "maxContextTokens": context + 1000}
    pinned = {"gpuMemoryShare": 0.9, "tensorParallel": 2, "maxConcurrentSequences": 11}
    assert stalled(a_spec(model, configuration=pinned)).reason is Reason.CONFLICTING_PINS
