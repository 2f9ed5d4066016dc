"""What a spec cannot have, with the figures that say why."""

from rorqual_engine.plan import Reason

from ..builders import H100, L4, LLAMA_8B, LLAMA_70B, a_node, a_spec
from .cases import configuration, stalled

ARCHITECTURE = {
    "parameters": 8_000_000_000,
    "layers": 32,
    "hiddenSize": 4096,
    "attentionHeads": 32,
    "kvHeads": 8,
    "headSize": 128,
    "vocabulary": 128_000,
    "maxContextTokens": 65_536,
}


def test_an_unknown_model_names_near_ones_and_the_way_out():
    found = stalled(a_spec("meta-llama/Llama3.1-8B-Instruct"))
    assert found.reason is Reason.UNKNOWN_MODEL
    assert "meta-llama/Llama-3.1-8B-Instruct" in found.message
    assert "spec.model.architecture" in found.message


def test_an_architecture_in_the_spec_is_enough():
    found = configuration(a_spec(model={"name": "our/own", "architecture": ARCHITECTURE}))
    assert (found.tensor_parallel, found.max_context_tokens) == (1, 65_536)


def test_a_model_too_large_names_what_it_needs_and_what_there_is():
    found = stalled(a_spec(LLAMA_70B, (L4,)), (a_node(gpu=L4, gpus=4),))
    assert found.reason is Reason.MODEL_TOO_LARGE
    assert "needs 132 GiB for weights alone" in found.message
    assert f"4 x {L4} in one node, has 87 GiB" in found.message


def test_a_share_too_small_names_the_one_that_is_needed():
    found = stalled(a_spec(configuration={"gpuMemoryShare": 0.1, "tensorParallel": 1}))
    assert found.reason is Reason.CONFLICTING_PINS
    assert "configuration.gpuMemoryShare fixes 0.1" in found.message
    assert "a share of 0.2" in found.message


def test_too_few_gpus_pinned_names_how_many_would_do():
    found = stalled(a_spec(LLAMA_70B, configuration={"tensorParallel": 1}))
    assert found.reason is Reason.CONFLICTING_PINS
    assert "Without these pins it fits with tensorParallel 2" in found.message


def test_heads_that_cannot_be_split_name_the_numbers():
    found = stalled(a_spec(configuration={"tensorParallel": 3}))
    assert found.reason is Reason.CONFLICTING_PINS
    assert "3 GPUs cannot share the 32 attention heads" in found.message


def test_a_count_above_a_nodes_gpus_is_a_conflict():
    found = stalled(a_spec(configuration={"tensorParallel": 8}), (a_node(gpus=4),))
    assert found.reason is Reason.CONFLICTING_PINS
    assert f"8 of the 4 {H100} of a node" in found.message


def test_a_context_longer_than_the_model_was_made_for():
    spec = {"model": {"name": LLAMA_8B, "maxContextTokens": 200_000}}
    found = stalled(a_spec(**spec))
    assert found.reason is Reason.CONFLICTING_PINS
    assert "200,000" in found.message and "131,072" in found.message


def test_a_model_may_be_stretched_by_argument():
    spec = a_spec(
        model={"name": LLAMA_8B, "maxContextTokens": 200_000},
        engine={"extraArgs": ["--rope-scaling", '{"factor": 2}']},
    )
    assert configuration(spec).max_context_tokens == 200_000


def test_many_pinned_sequences_are_no_conflict():
    """The engine queues what does not fit."""
    spec = a_spec(model={"name": LLAMA_8B, "maxContextTokens": 131072}, configuration={"maxConcurrentSequences": 1000})
    assert configuration(spec).max_concurrent_sequences == 1000
