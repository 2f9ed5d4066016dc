"""When a configuration changes, and when not."""

from dataclasses import replace

import pytest

from rorqual_engine.fleet import Inventory
from rorqual_engine.plan import Configuration, Memory, Reason
from rorqual_engine.sizing import Sizing, concurrent_sequences, size
from rorqual_engine.snapshot import ModelConfig

from ..builders import (
    A100,
    H100,
    L4,
    LLAMA_8B,
    NOW,
    RUNNING,
    a_new_service,
    a_node,
    a_service,
    a_spec,
    a_workload,
    settled,
)

INVENTORY = Inventory.of((a_node("h", gpu=H100), a_node("a", gpu=A100), a_node("l", gpu=L4)))


def sized(service) -> Sizing:
    found = size(service, INVENTORY, NOW)
    assert isinstance(found, Sizing), found
    return found


def in_mode(mode, **configuration):
    return a_spec(configuration={"mode": mode, **configuration})


def test_a_new_service_gets_the_recommendation():
    found = sized(a_new_service())
    assert found.recommendation is not None
    assert found.configuration == found.recommendation.configuration
    assert found.reason is Reason.INITIAL_CONFIGURATION


def test_what_was_decided_for_this_spec_stays():
    assert sized(a_service()).configuration == RUNNING


def test_what_was_decided_stays_while_it_has_not_arrived_yet():
    found = sized(a_service(workload=a_workload(configuration=Configuration(H100, 4))))
    assert found.configuration == RUNNING
    assert found.reason is Reason.SPEC_CHANGED


def test_a_changed_spec_gets_the_recommendation():
    found = sized(a_service(generation=2))
    assert found.configuration != RUNNING
    assert found.reason is Reason.SPEC_CHANGED


def test_an_edited_config_json_is_a_changed_spec():
    before = a_service()
    same = replace(before, model_config=ModelConfig("hub", "{}"), memory=replace(before.memory, configured_model="{}"))
    assert sized(same).configuration == RUNNING
    edited = replace(same, model_config=ModelConfig("hub", '{"num_hidden_layers": 3}'))
    assert sized(edited).configuration != RUNNING
    assert sized(edited).reason is Reason.SPEC_CHANGED


def test_after_a_restart_what_runs_is_kept():
    assert sized(a_service(memory=Memory())).configuration == RUNNING


@pytest.mark.parametrize(
    "spec",
    [
        a_spec(gpus=(A100,)),
        a_spec(configuration={"tensorParallel": 2}),
        a_spec(configuration={"gpuMemoryShare": 0.8}),
        a_spec(configuration={"maxConcurrentSequences": 7}),
        a_spec(model={"name": LLAMA_8B, "maxContextTokens": 4096}),
        a_spec("meta-llama/Llama-3.1-70B"),
        in_mode("Off"),
    ],
    ids=["hardware", "gpus", "share", "sequences", "context", "model", "mode"],
)
def test_after_a_restart_what_the_spec_forbids_is_replaced(spec):
    found = sized(a_service(spec, memory=Memory()))
    assert found.configuration != RUNNING
    assert found.reason is Reason.SPEC_CHANGED


@pytest.mark.parametrize("mode", ["Recommend", "Off"])
def test_the_engine_keeps_its_own_defaults(mode):
    found = sized(a_new_service(in_mode(mode)))
    assert found.configuration == Configuration(H100, 1)


def test_pins_hold_in_every_mode():
    found = sized(a_new_service(in_mode("Off", maxConcurrentSequences=32)))
    assert found.configuration == Configuration(H100, 1, max_concurrent_sequences=32)


def test_only_mode_off_makes_no_recommendation():
    assert sized(a_new_service(in_mode("Off"))).recommendation is None
    recommend = sized(a_new_service(in_mode("Recommend"))).recommendation
    assert recommend is not None and recommend.configuration.max_concurrent_sequences == 256


def test_engines_own_defaults_need_room_for_the_longest_sequence():
    """An L4 holds 30,000 tokens of this model, and it was made for 131,072: without --max-model-len vLLM would not
    start on one."""
    spec = a_spec(gpus=(L4,), configuration={"mode": "Off"})
    assert sized(a_new_service(spec)).configuration == Configuration(L4, 2)


def test_a_bare_configuration_is_kept_after_a_restart():
    bare = Configuration(H100, 2)
    service = a_service(in_mode("Off"), workload=a_workload(configuration=bare), memory=Memory())
    assert sized(service).configuration == bare


def test_the_nodes_do_not_change_a_configuration():
    service = a_service(memory=settled())
    without = size(service, Inventory.of(()), NOW)
    assert isinstance(without, Sizing) and without.configuration == RUNNING


def test_after_a_restart_a_drained_node_does_not_change_a_configuration():
    two = replace(RUNNING, tensor_parallel=2)
    service = a_service(workload=a_workload(configuration=two), memory=Memory())
    found = size(service, Inventory.of((a_node("drained", gpus=0), a_node("small", gpus=1))), NOW)
    assert isinstance(found, Sizing) and found.configuration == two


def test_concurrency_is_what_runs_or_the_engines_default():
    spec = a_spec()
    assert concurrent_sequences(spec, RUNNING, INVENTORY) == 100
    assert concurrent_sequences(spec, Configuration(H100, 1), INVENTORY) == 1024
    assert concurrent_sequences(spec, Configuration(A100, 1), INVENTORY) == 256
    assert concurrent_sequences(spec, None, INVENTORY) == 256


def test_an_explanation_is_given_only_of_what_is_recommended():
    assert sized(a_new_service()).explanation
    assert not sized(a_service()).explanation
    kept = sized(a_new_service()).configuration
    same = a_service(workload=a_workload(configuration=kept), memory=replace(settled(), configured=kept))
    assert sized(same).explanation
