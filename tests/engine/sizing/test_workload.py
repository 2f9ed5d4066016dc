"""What a spec may say of its model and its workload beyond names and lengths."""

import json

import pytest

from rorqual_engine.fleet import Inventory
from rorqual_engine.plan import Reason, Stall
from rorqual_engine.sizing.recommend import Case, read_case
from rorqual_engine.snapshot import ModelConfig

from ..builders import LLAMA_8B, a_node, a_spec
from .cases import recommended, stalled

CONFIG = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
}
FROM = {"configJsonFrom": {"configMapKeyRef": {"name": "acme"}}}
OBJECTIVES = {"ttft": {"p95": "5s"}, "tpot": {"p95": "80ms"}}


def expected(**workload):
    found = recommended(a_spec(objectives=OBJECTIVES, workload={"inputTokens": 4096, "outputTokens": 64, **workload}))
    assert found.expected is not None
    return found.expected


def test_a_config_json_stands_for_the_catalog():
    given = a_spec(model={"name": "acme/copy", "configJson": json.dumps(CONFIG), "maxContextTokens": 8192})
    known = a_spec(model={"name": LLAMA_8B, "maxContextTokens": 8192})
    assert recommended(given).configuration == recommended(known).configuration


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{]", "not JSON"),
        ("[1]", "expected a JSON object, found list"),
        (json.dumps({**CONFIG, "num_hidden_layers": -1}), "num_hidden_layers"),
        (json.dumps({**CONFIG, "num_key_value_heads": 7}), "num_key_value_heads"),
        (json.dumps({"model_type": "llama"}), "hidden_size"),
    ],
)
def test_a_config_json_that_cannot_be_is_told(text, told):
    stall = stalled(a_spec(model={"name": "acme/copy", "configJson": text}))
    assert stall.reason == Reason.UNKNOWN_MODEL
    assert stall.message.startswith("spec.model.configJson: ") and told in stall.message


@pytest.mark.parametrize(
    "odd", [{"block_configs": [1]}, {"num_key_value_heads_per_layer": [None]}, {"layer_types": [{}]}], ids=str
)
def test_a_field_of_a_shape_that_nobody_writes_is_told(odd):
    stall = stalled(a_spec(model={"name": "acme/copy", "configJson": json.dumps({**CONFIG, **odd})}))
    assert stall.reason == Reason.UNKNOWN_MODEL and "a field has no shape that is known here" in stall.message


def outside(found: ModelConfig | None, **model) -> Stall | Case:
    """A case of acme/copy with that config.json from outside the spec."""
    return read_case(a_spec(model={"name": "acme/copy", **model}), Inventory.of((a_node(),)), None, found)


def test_a_config_map_stands_for_the_catalog_too():
    found = outside(ModelConfig("ConfigMap acme", json.dumps(CONFIG)), **FROM)
    assert isinstance(found, Case) and found.engine.facts.layers == 32


@pytest.mark.parametrize(
    ("found", "reason", "told"),
    [
        (ModelConfig("ConfigMap a", problem="not found"), Reason.MODEL_CONFIG_UNAVAILABLE, "ConfigMap a: not found"),
        (ModelConfig("ConfigMap a", "{]"), Reason.UNKNOWN_MODEL, "ConfigMap a: acme/copy: not JSON"),
        (ModelConfig("ConfigMap a", "[" * 100_000), Reason.UNKNOWN_MODEL, "not JSON"),
        (None, Reason.MODEL_CONFIG_UNAVAILABLE, "spec.model.configJsonFrom"),
    ],
    ids=["missing", "no JSON", "too deep", "not looked for"],
)  # fmt: skip
def test_a_config_json_from_elsewhere_that_cannot_be_is_told(found, reason, told):
    stall = outside(found, **FROM)
    assert isinstance(stall, Stall) and stall.reason == reason and told in stall.message


def test_what_was_found_serves_a_model_that_nobody_knows():
    assert isinstance(outside(ModelConfig("the hub", json.dumps(CONFIG))), Case)
    stall = outside(ModelConfig("the hub", problem="no such model"))
    assert isinstance(stall, Stall) and stall.message == "the hub: no such model"


def test_what_the_prefix_cache_holds_needs_no_prefill():
    cold, warm = expected(), expected(prefixHitRate=0.8)
    assert warm.requests_per_second.value > 1.2 * cold.requests_per_second.value


def test_speculative_decoding_yields_more_tokens_a_step():
    plain, speculative = expected(outputTokens=1024), expected(outputTokens=1024, tokensPerStep=2)
    assert speculative.requests_per_second.value > 1.2 * plain.requests_per_second.value


@pytest.mark.parametrize("workload", [{"inputTokens": 0}, {"prefixHitRate": 1.0}, {"tokensPerStep": 0.5}])
def test_impossible_workloads_are_refused(workload):
    with pytest.raises(ValueError, match="workload"):
        a_spec(workload=workload)
