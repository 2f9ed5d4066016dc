"""Reading a config.json: what it says, what it leaves unsaid, and what it must not say."""

import pytest

from rorqual_engine import catalog
from rorqual_engine.catalog import ConfigError, read_config_json

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
}
MOE = {
    **LLAMA,
    "model_type": "qwen3_moe",
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 1024,
    "head_dim": 128,
}
LATENT = {"kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128}
GATED_DELTA = {
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
}


def read(config=LLAMA, **changed):
    return read_config_json({**config, **changed}, "some/model")


def groups(facts):
    return [(group.kind, group.layers) for group in facts.attention]


def groups_of(**weights):
    return {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": weights}}}


def refusal(config=LLAMA, **changed):
    with pytest.raises(ConfigError) as found:
        read(config, **changed)
    assert "config.json of some/model" in str(found.value)
    return str(found.value)


def test_a_llama():
    facts = read()
    assert facts.parameters == 8_030_261_248
    assert (facts.kv_heads, facts.head_size, facts.max_context_tokens) == (8, 128, 8192)
    assert groups(facts) == [("full", 32)]


def test_tied_embeddings_count_once():
    untied, tied = read(), read(tie_word_embeddings=True)
    assert untied.parameters - tied.parameters == 128256 * 4096
    assert tied.counts.head == 0


def test_without_key_value_heads_every_head_has_its_own():
    assert read(num_key_value_heads=None).kv_heads == 32


def test_an_unknown_family_is_read_as_a_llama():
    assert read(model_type="brand_new").parameters == read().parameters


def test_active_parameters_are_those_of_the_chosen_experts():
    facts = read(MOE)
    assert facts.experts is not None
    idle = facts.counts.experts * 6 // 8
    assert facts.active_parameters == facts.parameters - idle - facts.counts.embedding


def test_first_layers_may_be_dense():
    facts = read(MOE, first_k_dense_replace=3)
    assert facts.experts is not None and facts.experts.layers == 29
    assert facts.dense_width == 3 * 14336


def test_shared_experts_are_added_up():
    facts = read(MOE, n_shared_experts=2)
    assert facts.experts is not None and facts.experts.shared_intermediate_size == 2048


def test_latent_attention():
    facts = read(MOE, **LATENT)
    assert facts.latent_size == 576
    assert groups(facts) == [("latent", 32)]


def test_layer_types_make_groups():
    kinds = ["sliding_attention", "full_attention"] * 16
    assert groups(read(layer_types=kinds, sliding_window=128)) == [("full", 16), ("sliding", 16)]


def test_every_sixth_layer_of_gemma_3_sees_all():
    assert groups(read(model_type="gemma3_text", sliding_window=1024)) == [("full", 5), ("sliding", 27)]


def test_a_window_that_is_switched_off_does_not_count():
    facts = read(model_type="qwen2", sliding_window=4096, use_sliding_window=False)
    assert groups(facts) == [("full", 32)]


def test_linear_attention_keeps_a_state():
    facts = read(model_type="qwen3_next", **GATED_DELTA)
    assert groups(facts) == [("full", 8), ("linear", 24)]
    state = facts.attention[1].state
    assert state is not None and state.recurrent_elements == 32 * 128 * 128
    assert state.recurrent_bytes == 4


def test_the_text_part_of_a_multimodal_model():
    vision = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "patch_size": 14}
    facts = read({"model_type": "llava", "text_config": LLAMA, "vision_config": vision})
    assert facts.hidden_size == 4096
    assert facts.counts.encoder > 400_000_000
    assert facts.parameters == 8_030_261_248 + facts.counts.encoder


def test_yarn_extends_the_context():
    rope = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8192}
    assert read(rope_scaling=rope).max_context_tokens == 32768


def test_llama_3_scaling_already_counts():
    rope = {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192}
    assert read(max_position_embeddings=131072, rope_scaling=rope).max_context_tokens == 131072


@pytest.mark.parametrize(
    ("found", "scheme"),
    [
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "awq"}, "awq"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4"),
        (groups_of(num_bits=8, type="int"), "int8"),
        (groups_of(num_bits=8, type="float"), "fp8"),
        (groups_of(num_bits=4, type="int", group_size=128), "gptq"),
        (groups_of(num_bits=4, type="int", group_size=32), "int4"),
        (groups_of(num_bits=4, type="float", group_size=32), "mxfp4"),
    ],
)
def test_storage(found, scheme):
    assert read(quantization_config=found).quantization == scheme


def test_modules_that_are_not_converted_stay_whole():
    found = {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn", "lm_head"]}
    assert "attention" in read(quantization_config=found).storage.whole
    assert "attention" not in read(quantization_config={"quant_method": "mxfp4"}).storage.whole


@pytest.mark.parametrize(
    "field", ["hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "max_position_embeddings"]
)
def test_a_missing_figure_is_named(field):
    assert field in refusal(**{field: None})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 2.5, "many", True])
def test_what_is_no_whole_number_is_refused(value):
    assert "num_hidden_layers" in refusal(num_hidden_layers=value)


@pytest.mark.parametrize("value", [10_001, 10**30])
def test_more_layers_than_any_model_has_are_refused(value):
    assert "num_hidden_layers" in refusal(num_hidden_layers=value)


def test_zero_is_refused():
    assert "vocab_size is 0" in refusal(vocab_size=0)


def test_heads_that_do_not_group_are_refused():
    assert "no multiple of num_key_value_heads 5" in refusal(num_key_value_heads=5)


def test_a_width_that_heads_do_not_divide_is_refused():
    assert "no multiple of num_attention_heads 24" in refusal(num_attention_heads=24)


def test_kinds_for_another_number_of_layers_are_refused():
    assert "num_hidden_layers is 32" in refusal(layer_types=["full_attention"] * 30)


def test_an_unknown_kind_of_layer_is_refused():
    assert "quantum_attention" in refusal(layer_types=["quantum_attention"] * 32)


def test_more_active_experts_than_experts_are_refused():
    assert "more than the 8 experts" in refusal(MOE, num_experts_per_tok=9)


def test_an_unknown_scheme_is_refused():
    assert "'magic'" in refusal(quantization_config={"quant_method": "magic"})


def test_compressed_attention_is_refused():
    assert "compress_ratios" in refusal(compress_ratios=[0, 4])


def test_an_encoder_decoder_is_refused():
    assert "encoder-decoder" in refusal(is_encoder_decoder=True)


def test_what_describes_no_language_model_is_refused():
    assert "describes no language model" in refusal({"model_type": "clip"})


def test_linear_attention_of_an_unknown_kind_is_refused():
    assert "linear attention of a kind" in refusal(layer_types=["linear_attention"] * 32)


def test_a_copy_is_stored_as_its_name_says():
    found = catalog.model("RedHatAI/Qwen3-14B-FP8-dynamic")
    assert found is not None
    assert (found.facts.name, found.quantization) == ("Qwen/Qwen3-14B", "fp8")


@pytest.mark.parametrize("name", ["foo/Bar-AWQ", "Qwen/Qwen3-8B-GGUF", "Qwen3-8B-FP8-tuned"])
def test_no_copy_is_made_up(name):
    assert catalog.model(name) is None
