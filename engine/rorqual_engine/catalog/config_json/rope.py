"""Position embeddings of a config.json: the tables that an engine makes for them, and the context that they allow."""

from rorqual_engine.catalog.config_json.fields import Fields

_KEEP_CONTEXT = ("", "default", "llama3", "longrope", "su", "mrope", "proportional", "linear-in-context")
"""Scalings with which max_position_embeddings already is the longest context."""


def scaling(config: Fields) -> Fields:
    """rope_scaling, or rope_parameters of newer files; empty where there is none."""
    found = config.part("rope_scaling") or config.part("rope_parameters") or Fields(config.model, {})
    by_kind = found.part("full_attention")
    return by_kind or found


def longest_context(config: Fields) -> int:
    """Tokens of the longest sequence that the model was made for."""
    longest = config.count("max_position_embeddings", "max_sequence_length", "max_seq_len")
    rope = scaling(config)
    kind = rope.text("rope_type") or rope.text("type")
    if kind in _KEEP_CONTEXT or config.text("model_type").startswith("gemma3"):
        return longest
    start = rope.count_or(longest, "original_max_position_embeddings") if kind in ("yarn", "deepseek_yarn") else longest
    return max(longest, int(start * rope.number_or(1.0, "factor")))


def rotary_elements(config: Fields, head_size: int, kinds: set[str]) -> int:
    """Elements of the tables of sines and cosines that vLLM keeps on each GPU.

    One row a position, up to the context that the scaling was made for; one table for each kind of attention that has
    its own. vLLM: model_executor/layers/rotary_embedding.
    """
    positions = config.count_or(0, "max_position_embeddings")
    rope = scaling(config)
    kind = rope.text("rope_type") or rope.text("type")
    share = config.number_or(rope.number_or(1.0, "partial_rotary_factor"), "partial_rotary_factor")
    size = config.count_or_none("qk_rope_head_dim", "rotary_dim") or int(head_size * share)
    factor = rope.number_or(1.0, "factor")
    rows = positions
    if kind in ("linear", "dynamic"):
        rows = int(positions * factor)
    elif kind in ("yarn", "deepseek_yarn"):
        rows = int(rope.count_or(positions, "original_max_position_embeddings") * factor)
    elif kind in ("longrope", "su"):
        rows = positions + rope.count_or(0, "original_max_position_embeddings")
    elif "mrope_section" in rope:
        rows = 4 * positions
    local = positions if "sliding" in kinds and "rope_local_base_freq" in config else 0
    return (rows + local) * size
