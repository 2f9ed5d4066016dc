"""Which kind of attention and of feed-forward each layer of a config.json has."""

from collections.abc import Sequence

from rorqual_engine.catalog.config_json.family import Family
from rorqual_engine.catalog.config_json.fields import Fields

MOST_LAYERS = 10_000
_KINDS = {
    "full_attention": "full",
    "attention": "full",
    "deepseek_sparse_attention": "full",
    "sliding_attention": "sliding",
    "chunked_attention": "chunked",
    "linear_attention": "linear",
    "mamba": "linear",
    "mamba2": "linear",
    "moe": "none",
    "mlp": "none",
    "conv": "none",
}
_PATTERN = {"M": "linear", "*": "full", "-": "none", "E": "none"}
"""Letters of hybrid_override_pattern (Nemotron-H): Mamba, attention, feed-forward, experts."""


def attention_kinds(config: Fields, family: Family) -> list[str]:
    """full, sliding, chunked, linear or none, for each layer."""
    layers = layer_count(config)
    listed = _listed_kinds(config)
    if listed is not None:
        if len(listed) != layers:
            raise config.error(f"it lists kinds for {len(listed)} layers, but num_hidden_layers is {layers}")
        return listed
    return _repeated_kinds(config, family, layers)


def layer_count(config: Fields) -> int:
    """Layers, as num_hidden_layers or else the pattern of a hybrid has it."""
    pattern = config.text("hybrid_override_pattern") or config.items("layers_block_type")
    layers = config.count_or_none("num_hidden_layers") or len(pattern) or config.count("num_hidden_layers")
    if layers > MOST_LAYERS:
        raise config.error(f"num_hidden_layers is {layers:,}; expected at most {MOST_LAYERS:,}")
    return layers


def _listed_kinds(config: Fields) -> list[str] | None:
    if pattern := config.text("hybrid_override_pattern"):
        return [_PATTERN.get(letter, "none") for letter in pattern]
    if names := config.items("layer_types") or config.items("layers_block_type"):
        return [_named_kind(config, name) for name in names]
    if marks := config.items("hybrid_layer_pattern"):
        return ["sliding" if mark else "full" for mark in marks]
    if marks := config.items("attn_type_list"):
        return ["full" if mark else "linear" for mark in marks]
    if blocks := config.items("block_configs"):
        return ["none" if (block.get("attention") or {}).get("no_op") else "full" for block in blocks]
    linear = config.part("linear_attn_config")
    if linear is not None:
        full = set(linear.items("full_attn_layers"))
        return ["full" if layer + 1 in full else "linear" for layer in range(layer_count(config))]
    return None


def _named_kind(config: Fields, name: object) -> str:
    if name not in _KINDS:
        raise config.error(f"layer_types has {name!r}; known are {', '.join(_KINDS)}")
    return _KINDS[str(name)]


def _repeated_kinds(config: Fields, family: Family, layers: int) -> list[str]:
    if interval := config.count_or_none("full_attention_interval"):
        return ["full" if (layer + 1) % interval == 0 else "linear" for layer in range(layers)]
    if period := config.count_or_none("attn_layer_period"):
        offset = config.count_or(0, "attn_layer_offset")
        return ["full" if layer % period == offset else "linear" for layer in range(layers)]
    if "attention_chunk_size" in config and (interval := config.count_or_none("no_rope_layer_interval")):
        return ["full" if (layer + 1) % interval == 0 else "chunked" for layer in range(layers)]
    return _windowed_kinds(config, family, layers)


def _windowed_kinds(config: Fields, family: Family, layers: int) -> list[str]:
    needed = family.window_needs
    if "sliding_window" not in config or (needed is not None and not config.flag(needed)):
        return ["full"] * layers
    every = config.count_or(0, "sliding_window_pattern") or family.sliding_every
    if not every:
        return ["sliding"] * layers
    return ["full" if (layer + 1) % every == 0 else "sliding" for layer in range(layers)]


def feed_forward_kinds(config: Fields) -> list[str]:
    """dense, experts, both or none, for each layer."""
    layers = layer_count(config)
    if pattern := config.text("hybrid_override_pattern"):
        return [{"-": "dense", "E": "experts"}.get(letter, "none") for letter in pattern]
    names = config.items("layers_block_type")
    if "moe" in names or "mlp" in names:
        return [{"mlp": "dense", "moe": "experts"}.get(str(name), "none") for name in names]
    if not expert_count(config):
        return ["dense"] * layers
    if config.flag("enable_moe_block"):
        return ["both"] * layers
    sparse = _expert_layers(config, layers)
    return ["experts" if layer in sparse else "dense" for layer in range(layers)]


def expert_count(config: Fields) -> int:
    """Routed experts of a layer; 0 for none."""
    return config.count_or(0, "n_routed_experts", "num_experts", "num_local_experts", "moe_num_experts")


def _expert_layers(config: Fields, layers: int) -> set[int]:
    """Which layers have experts: all but those that one of the many ways of saying it excepts."""
    dense = config.count_or(0, "first_k_dense_replace", "moe_layer_start_index")
    frequency = config.value("moe_layer_freq")
    if isinstance(frequency, Sequence) and not isinstance(frequency, str):
        return {layer for layer, mark in enumerate(frequency) if mark}
    step = config.count_or(1, "moe_layer_freq", "decoder_sparse_step", "interleave_moe_layer_step") or 1
    offset = config.count_or(0, "expert_layer_offset") if "expert_layer_period" in config else step - 1
    step = config.count_or(step, "expert_layer_period") or 1
    excepted = set(config.items("mlp_only_layers"))
    return {layer for layer in range(dense, layers) if layer % step == offset % step and layer not in excepted}
