"""How a model is spread over the GPUs of a node: where stages of a pipeline are considered, and where chosen."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine import catalog
from rorqual_engine.fleet import Inventory
from rorqual_engine.plan import Configuration, Memory, Reason, Replica
from rorqual_engine.sizing import Sizing, size
from rorqual_engine.sizing.memory import for_sequences, memory_budget
from rorqual_engine.sizing.pins import Pins
from rorqual_engine.sizing.question import list_shapes
from rorqual_engine.sizing.recommend import ask
from rorqual_engine.sizing.replicas import may_be_best, splits, staged_replicas, whole_replicas
from rorqual_engine.sizing.search import search

from ..builders import H100, L4, LLAMA_8B, LLAMA_70B, NOW, a_node, a_service, a_spec, a_workload
from .cases import case_of, recommended, stalled

L40S = "NVIDIA-L40S"
EASY = {"ttft": {"p95": "10s"}, "tpot": {"p95": "200ms"}}
ODD_HEADS = {
    "parameters": 70_000_000_000,
    "layers": 60,
    "hiddenSize": 6400,
    "attentionHeads": 25,
    "kvHeads": 25,
    "headSize": 256,
    "vocabulary": 64_000,
    "maxContextTokens": 8192,
}
LONG_70B = {"name": LLAMA_70B, "maxContextTokens": 131072}


def gpu(product):
    found = catalog.gpu(product)
    assert found is not None
    return found


def engine_of(**parts):
    return case_of(a_spec(**parts)).engine


def staged(gpus, pins=None, **parts):
    found = staged_replicas(engine_of(**parts), pins or Pins(), gpu(H100), gpus)
    return [(one.tensor_parallel, one.pipeline_parallel) for one in found]


def test_stages_are_tried_on_sizes_that_fill_a_node():
    assert staged(8) == [(1, 2), (2, 2), (1, 4), (4, 2), (2, 4), (1, 8)]
    assert staged(3) == [(1, 3)]
    assert staged(6) == [(1, 2), (1, 3), (2, 3), (1, 6)]
    assert staged(1) == []


@pytest.mark.parametrize("pins", [Pins(tensor_parallel=1), Pins(pipeline_parallel=2)])
def test_a_pinned_degree_leaves_nothing_to_divide(pins):
    assert staged(8, pins) == []


def test_speculative_decoding_does_not_go_with_stages():
    assert staged(8, workload={"tokensPerStep": 2}) == []


@given(gpus=st.integers(1, 16), heads=st.integers(1, 40), groups=st.integers(1, 4), layers=st.integers(1, 12))
def test_every_way_to_divide_is_possible_and_leaves_no_room_for_a_larger_one(gpus, heads, groups, layers):
    own = {**ODD_HEADS, "attentionHeads": heads * groups, "kvHeads": heads, "layers": layers}
    engine = engine_of(model={"name": "our/own", "architecture": own})
    for one in staged_replicas(engine, Pins(), gpu(H100), gpus):
        assert 1 < one.pipeline_parallel <= layers and splits(engine, one.tensor_parallel)
        assert one.gpus <= gpus
        assert gpus // (one.gpus + 1) < gpus // one.gpus


def test_on_as_many_gpus_a_fast_link_prefers_one_stage():
    two = Replica(H100, 1, 2)
    assert not may_be_best(two, gpu(H100), {1, 2})
    assert may_be_best(two, gpu(H100), {1, 4})
    assert may_be_best(two, gpu(L40S), {1, 2})


def test_pinned_stages_leave_the_tensor_degree_open():
    found = whole_replicas(engine_of(), Pins(pipeline_parallel=2), gpu(H100), 8)
    assert [(one.tensor_parallel, one.pipeline_parallel) for one in found] == [(1, 2), (2, 2), (4, 2)]


# What is chosen


@pytest.mark.parametrize("objectives", [None, EASY], ids=["by memory", "by objectives"])
def test_three_gpus_serve_in_stages_what_two_cannot(objectives):
    parts = {"objectives": objectives} if objectives else {}
    found = recommended(a_spec(LONG_70B, **parts), (a_node(gpus=3),))
    assert found.configuration.replica == Replica(H100, 1, 3)
    assert found.explanation.startswith(f"3 x {H100} in 3 stages, on each: ")
    assert found.problem is None


@pytest.mark.parametrize("objectives", [None, EASY], ids=["by memory", "by objectives"])
def test_heads_that_do_not_divide_are_served_in_stages(objectives):
    parts = {"objectives": objectives} if objectives else {}
    found = recommended(a_spec({"name": "our/own", "architecture": ODD_HEADS}, **parts)).configuration
    assert found.tensor_parallel == 1 and found.pipeline_parallel > 1


@pytest.mark.parametrize("model", [LLAMA_8B, LLAMA_70B])
def test_over_nvlink_stages_are_not_even_considered_where_tensor_parallel_fits(model):
    shapes, _ = list_shapes(ask(case_of(a_spec(model, objectives=EASY))))
    stages = {shape.replica for shape in shapes if shape.replica.pipeline_parallel > 1}
    assert stages == set()


def test_without_objectives_tensor_parallel_comes_first_also_on_more_gpus():
    found = recommended(a_spec(LONG_70B, gpus=(L40S,)), (a_node(gpu=L40S),)).configuration
    assert found.pipeline_parallel == 1


def test_over_pcie_stages_win_by_cost_where_the_law_has_them_cheaper():
    spec = a_spec(
        "Qwen/Qwen2.5-32B-Instruct", (L40S,), objectives=EASY, scaling={"maxReplicas": 100},
        workload={"requestsPerSecond": 20},
    )  # fmt: skip
    answer = search(ask(case_of(spec, (a_node(gpu=L40S, gpus=4),))))
    assert answer.best is not None and answer.best.meets
    assert answer.best.configuration.pipeline_parallel > 1
    gpus = [one.configuration.gpus * one.expected.replicas for one in answer.alternatives if one.meets]
    assert gpus[0] == min(gpus)
    assert min(one.configuration.pipeline_parallel for one in answer.alternatives) == 1


def test_stages_are_among_the_alternatives_by_name():
    spec = a_spec(LONG_70B, objectives=EASY)
    answer = search(ask(case_of(spec, (a_node(gpus=3),))))
    assert [one.name for one in answer.alternatives] == [f"3 x {H100} in 3 stages"]
    assert [str(one.replica) for one in answer.rejected] == [f"1 x {H100}", f"2 x {H100}"]


def test_costs_count_the_gpus_of_all_stages():
    spec = a_spec(LONG_70B, objectives=EASY, hardware=[{"gpu": H100, "costPerHour": "2"}])
    expected = recommended(spec, (a_node(gpus=3),)).expected
    assert expected is not None and expected.cost_per_hour == 6 * expected.replicas


# Pins


def pinned(**configuration):
    return a_spec(configuration=configuration)


def test_both_degrees_are_taken_as_pinned():
    found = recommended(pinned(tensorParallel=2, pipelineParallel=2))
    assert found.configuration.replica == Replica(H100, 2, 2)
    assert "configuration.pipelineParallel fixes 2" in found.pins


def test_an_argument_pins_stages():
    found = recommended(a_spec(engine={"extraArgs": ["-pp", "2"]}))
    assert found.configuration.replica == Replica(H100, 1, 2)


def test_a_tensor_degree_alone_means_one_stage():
    found = stalled(a_spec(LLAMA_70B, configuration={"tensorParallel": 1}), (a_node(gpus=3),))
    assert found.reason is Reason.CONFLICTING_PINS
    assert "on 1 of the 3" in found.message


def test_more_stages_than_layers_are_a_conflict():
    found = stalled(pinned(pipelineParallel=33))
    assert found.reason is Reason.CONFLICTING_PINS
    assert "configuration.pipelineParallel: 33 stages are more than the 32 layers of" in found.message


def test_pinned_stages_and_speculative_decoding_are_a_conflict():
    found = stalled(a_spec(configuration={"pipelineParallel": 2}, workload={"tokensPerStep": 2}))
    assert found.reason is Reason.CONFLICTING_PINS
    assert "speculative decoding (workload.tokensPerStep above 1)" in found.message


def test_more_gpus_than_a_node_has_are_a_conflict():
    found = stalled(pinned(tensorParallel=4, pipelineParallel=2), (a_node(gpus=4),))
    assert found.reason is Reason.CONFLICTING_PINS
    assert f"8 of the 4 {H100} of a node in 2 stages" in found.message
    assert "Without these pins it fits with tensorParallel 1 and" in found.message


def test_a_conflict_names_the_stages_that_would_do():
    spec = a_spec(LONG_70B, configuration={"tensorParallel": 2})
    assert "tensorParallel 1, pipelineParallel 3 and gpuMemoryShare" in stalled(spec, (a_node(gpus=3),)).message


# What runs


def after_restart(running, spec=None) -> Configuration:
    service = a_service(spec, workload=a_workload(configuration=running), memory=Memory())
    found = size(service, Inventory.of((a_node(),)), NOW)
    assert isinstance(found, Sizing), found
    return found.configuration


STAGED = Configuration(H100, 1, 100, 0.9, 8192, pipeline_parallel=2)


def test_stages_that_run_are_kept_after_a_restart():
    assert after_restart(STAGED) == STAGED
    assert after_restart(STAGED, pinned(pipelineParallel=2)) == STAGED


@pytest.mark.parametrize(
    "spec",
    [
        pinned(tensorParallel=1),
        pinned(pipelineParallel=4),
        a_spec(workload={"tokensPerStep": 2}),
    ],
    ids=["one stage", "other stages", "speculative decoding"],
)
def test_stages_that_the_spec_forbids_are_replaced(spec):
    assert after_restart(STAGED, spec).pipeline_parallel != 2


def test_another_number_of_sequences_gives_the_budget_of_that_number():
    """Working memory of a stage is not that of the whole model."""
    engine = engine_of(model={"name": LLAMA_70B}, gpus=(L4,))
    first = memory_budget(engine, gpu(L4), 1, 256, 0.9, 8)
    assert for_sequences(first, engine, gpu(L4), 1, 4, 8) == memory_budget(engine, gpu(L4), 1, 4, 0.9, 8)
    assert replace(first, activation=0) == replace(memory_budget(engine, gpu(L4), 1, 4, 0.9, 8), activation=0)
