"""From a config.json, as the publishers of models write it, to the figures that sizing needs. Pure: no file is read."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from rorqual_engine.catalog.architecture import ModelFacts, ParameterCounts
from rorqual_engine.catalog.config_json.attention import Attention, head_size, kv_heads, read_attention
from rorqual_engine.catalog.config_json.encoder import pixels_per_token, read_encoder
from rorqual_engine.catalog.config_json.family import Family, family_of
from rorqual_engine.catalog.config_json.feed_forward import FeedForward, read_feed_forward
from rorqual_engine.catalog.config_json.fields import Fields
from rorqual_engine.catalog.config_json.layers import layer_count
from rorqual_engine.catalog.config_json.quantization import read_storage
from rorqual_engine.catalog.config_json.rope import longest_context, rotary_elements

_TEXT_PARTS = ("text_config", "llm_config", "language_config", "thinker_config")
_UNKNOWN_ATTENTION = ("compress_ratios", "cross_attention_layers", "lightning_attn_config")
"""Fields of DeepSeek-V4, Llama 3.2 Vision and MiniMax-01, whose caches follow other rules."""
_SHARED = ("quantization_config", "compression_config", "tie_word_embeddings")
"""Fields that may stand outside the part for the text model and hold for it all the same."""


def read_config_json(config: Mapping[str, Any], name: str) -> ModelFacts:
    """The architecture that a config.json describes; of a model of images and text, the part for text and the encoder.

    Parameters are counted from the shapes. Raises ConfigError where a figure is missing, is no number that it could be,
    or contradicts another, and for models that generate no text (encoders, encoder-decoders).
    """
    outer = Fields(name, config)
    text, family = _text_part(outer)
    _refuse(outer, text)
    attention, feed_forward = read_attention(text, family), read_feed_forward(text, family)
    encoder, encoder_hidden = read_encoder(outer, text.count("hidden_size"))
    counts = _count(text, family, attention, feed_forward).model_copy(update={"encoder": encoder})
    try:
        facts = _facts(text, attention, feed_forward, counts)
    except ValidationError as error:
        raise outer.error("; ".join(problem["msg"] for problem in error.errors())) from error
    pixels = pixels_per_token(outer) if encoder else 0
    return facts.model_copy(update={"encoder_hidden_size": encoder_hidden, "encoder_pixels_per_token": pixels})


def _text_part(outer: Fields) -> tuple[Fields, Family]:
    inner = next((part for part in map(outer.part, _TEXT_PARTS) if part is not None), None)
    if inner is not None and inner.part("text_config") is not None:
        inner = inner.part("text_config")
    values = dict(inner.values if inner else outer.values)
    values |= {name: outer.values[name] for name in _SHARED if name in outer.values and name not in values}
    family = family_of(str(values.get("model_type")), str(outer.value("model_type")))
    renamed = {name: values[old] for name, old in family.renames.items() if values.get(old) is not None}
    defaults = {name: value for name, value in family.defaults.items() if values.get(name) is None}
    return Fields(outer.model, {**values, **renamed, **defaults}), family


def _refuse(outer: Fields, text: Fields) -> None:
    if outer.flag("is_encoder_decoder"):
        raise outer.error("it is an encoder-decoder; only models that continue a text are sized")
    for field in _UNKNOWN_ATTENTION:
        if field in text:
            raise outer.error(f"it has {field}, a kind of attention whose cache is not known here")
    if text.count_or_none("hidden_size") is None:
        known = ", ".join(sorted(outer.values)[:8]) or "nothing"
        raise outer.error(f"hidden_size is missing, so it describes no language model; found {known}")


def _count(config: Fields, family: Family, attention: Attention, feed_forward: FeedForward) -> ParameterCounts:
    hidden, vocabulary = config.count("hidden_size"), config.count("vocab_size")
    embedding = vocabulary * hidden
    if family.learned_positions is not None:
        embedding += (config.count("max_position_embeddings") + family.learned_positions) * hidden
    vectors = 2 if family.norm_bias else 1
    norms = hidden * vectors * (family.norms * layer_count(config) + 1 + (1 if family.embedding_norm else 0))
    head = 0 if config.flag("tie_word_embeddings") else vocabulary * hidden + (vocabulary if family.head_bias else 0)
    return ParameterCounts(
        embedding=embedding,
        head=head,
        attention=attention.matrices,
        dense=feed_forward.dense,
        shared=feed_forward.shared,
        experts=feed_forward.routed,
        router=feed_forward.router,
        small=norms + attention.vectors + feed_forward.vectors,
    )


def _facts(config: Fields, attention: Attention, feed_forward: FeedForward, counts: ParameterCounts) -> ModelFacts:
    size = head_size(config)
    kinds = {group.kind for group in attention.layers}
    return ModelFacts(
        name=config.model,
        layers=layer_count(config),
        hidden_size=config.count("hidden_size"),
        intermediate_size=feed_forward.intermediate_size,
        attention_heads=config.count("num_attention_heads"),
        kv_heads=max((group.kv_heads for group in attention.layers), default=0) or kv_heads(config),
        head_size=size,
        vocabulary=config.count("vocab_size"),
        max_context_tokens=longest_context(config),
        tied_embeddings=config.flag("tie_word_embeddings"),
        attention_layers=attention.layers,
        latent=attention.latent,
        experts=feed_forward.experts,
        dense_width=feed_forward.dense_width,
        feed_forward_matrices=feed_forward.matrices,
        counts=counts,
        parameters=counts.total,
        storage=read_storage(config, layer_count(config)),
        rotary_elements=rotary_elements(config, size, {str(kind) for kind in kinds}),
    )
