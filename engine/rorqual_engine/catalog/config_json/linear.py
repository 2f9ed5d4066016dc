"""Linear attention and state-space layers of a config.json: what a sequence keeps there, and their parameters."""

from rorqual_engine.catalog.architecture import LinearState
from rorqual_engine.catalog.config_json.fields import Fields

Linear = tuple[LinearState, int, int]
"""State of one sequence, parameters in matrices, parameters in norms and biases; of one layer."""
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


def linear_attention(config: Fields) -> Linear:
    """Gated delta net (Qwen3-Next, Qwen3.5), Mamba-2 (Nemotron-H, Granite 4), or Kimi delta attention."""
    if "linear_num_value_heads" in config:
        return _gated_delta(config)
    if "linear_attn_config" in config:
        return _kimi_delta(config)
    if "mamba_num_heads" in config or "mamba_n_heads" in config:
        return _mamba2(config)
    raise config.error(
        "it has linear attention of a kind that is not known; expected linear_num_value_heads (gated delta net), "
        "mamba_num_heads or mamba_n_heads (Mamba-2), or linear_attn_config (Kimi delta attention)"
    )


def _state_bytes(config: Fields, name: str) -> int | None:
    return _BYTES.get(config.text(name))


def _gated_delta(config: Fields) -> Linear:
    hidden, heads = config.count("hidden_size"), config.count("linear_num_value_heads")
    key_size, value_size = config.count("linear_key_head_dim"), config.count("linear_value_head_dim")
    keys, values = config.count("linear_num_key_heads") * key_size, heads * value_size
    channels, kernel = 2 * keys + values, config.count("linear_conv_kernel_dim")
    state = LinearState(
        recurrent_elements=heads * key_size * value_size,
        convolution_elements=channels * (kernel - 1),
        recurrent_bytes=_state_bytes(config, "mamba_ssm_dtype"),
    )
    projections = hidden * (channels + values + 2 * heads) + values * hidden
    return state, projections + channels * kernel, 2 * heads + value_size


def _mamba2(config: Fields) -> Linear:
    hidden, heads = config.count("hidden_size"), config.count("mamba_num_heads", "mamba_n_heads")
    inner = heads * config.count("mamba_head_dim", "mamba_d_head")
    size = config.count("ssm_state_size", "mamba_d_state")
    channels = inner + 2 * config.count("n_groups", "mamba_n_groups") * size
    kernel = config.count("conv_kernel", "mamba_d_conv")
    state = LinearState(
        recurrent_elements=inner * size,
        convolution_elements=channels * (kernel - 1),
        recurrent_bytes=_state_bytes(config, "mamba_ssm_cache_dtype"),
    )
    projections = hidden * (inner + channels + heads) + inner * hidden
    return state, projections + channels * kernel, channels + 3 * heads + inner


def _kimi_delta(config: Fields) -> Linear:
    part = config.part("linear_attn_config")
    assert part is not None
    hidden, heads, size = config.count("hidden_size"), part.count("num_heads"), part.count("head_dim")
    width, kernel = heads * size, part.count("short_conv_kernel_size")
    state = LinearState(
        recurrent_elements=heads * size * size,
        convolution_elements=3 * width * (kernel - 1),
        recurrent_bytes=4,
    )
    gate = hidden * width if part.flag("use_full_rank_gate") else hidden * size + size * width
    decay = hidden * size + size * width
    projections = 3 * hidden * width + decay + gate + hidden * heads + width * hidden
    return state, projections + 3 * width * kernel, heads + width + size
