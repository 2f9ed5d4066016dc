"""The attention layers of a config.json, and their parameters."""

from collections import Counter
from dataclasses import dataclass

from rorqual_engine.catalog.architecture import AttentionLayers, Latent
from rorqual_engine.catalog.config_json.family import Family
from rorqual_engine.catalog.config_json.fields import Fields
from rorqual_engine.catalog.config_json.layers import attention_kinds
from rorqual_engine.catalog.config_json.linear import linear_attention


@dataclass(frozen=True, slots=True)
class Attention:
    """All layers' attention."""

    layers: tuple[AttentionLayers, ...]
    latent: Latent | None
    matrices: int
    """Parameters in matrices, over all layers."""
    vectors: int
    """Parameters in norms and biases, over all layers."""


def read_attention(config: Fields, family: Family) -> Attention:
    kinds = Counter(attention_kinds(config, family))
    latent = read_latent(config)
    groups, matrices, vectors = [], 0, 0
    for kind in ("full", "sliding", "chunked"):
        for group in _head_groups(config, kind, kinds[kind], latent):
            groups.append(group)
            matrices += group.layers * (latent_matrices(config, group, latent) if latent else _matrices(config, group))
            vectors += group.layers * _vectors(config, family, group, latent)
    if kinds["linear"]:
        state, weights, norms = linear_attention(config)
        groups.append(AttentionLayers(kind="linear", layers=kinds["linear"], state=state))
        matrices += kinds["linear"] * weights
        vectors += kinds["linear"] * norms
    return Attention(tuple(groups), latent, matrices, vectors)


def head_size(config: Fields) -> int:
    """As given, else hidden size over heads."""
    given = config.count_or_none("head_dim", "attention_head_dim") or config.count_or_none("v_head_dim")
    if given:
        return given
    hidden, heads = config.count("hidden_size"), config.count("num_attention_heads")
    if hidden % heads:
        raise config.error(
            f"hidden_size {hidden} is no multiple of num_attention_heads {heads}, and head_dim is missing"
        )
    return hidden // heads


def kv_heads(config: Fields) -> int:
    """Key/value heads of a full layer."""
    heads = config.count("num_attention_heads")
    if config.flag("multi_query") and not config.flag("new_decoder_architecture"):
        return 1
    per_layer = config.items("num_key_value_heads_per_layer")
    found = max(per_layer) if per_layer else config.count_or_none("num_key_value_heads", "num_kv_heads") or heads
    if heads % found:
        raise config.error(f"num_attention_heads {heads} is no multiple of num_key_value_heads {found}")
    return int(found)


def read_latent(config: Fields) -> Latent | None:
    """Multi-head latent attention, where the config.json has its ranks."""
    if not config.count_or_none("kv_lora_rank"):
        return None
    sparse = "index_topk" in config
    return Latent(
        kv_rank=config.count("kv_lora_rank"),
        rope_size=config.count_or(0, "qk_rope_head_dim"),
        nope_size=config.count("qk_nope_head_dim"),
        value_size=config.count("v_head_dim"),
        query_rank=config.count_or_none("q_lora_rank") or None,
        index_heads=config.count("index_n_heads") if sparse else 0,
        index_size=config.count("index_head_dim") if sparse else 0,
        index_topk=config.count("index_topk") if sparse else 0,
    )


def _head_groups(config: Fields, kind: str, layers: int, latent: Latent | None) -> list[AttentionLayers]:
    """Layers of one kind, apart where their key/value heads differ."""
    if not layers:
        return []
    heads, size = config.count("num_attention_heads"), 0 if latent else head_size(config)
    if latent:
        size = latent.nope_size + latent.rope_size
        return [AttentionLayers(kind="latent", layers=layers, query_heads=heads, kv_heads=heads, head_size=size)]
    if kind == "full":
        counts = _kv_heads_by_layer(config, heads, layers)
        size = config.count_or(size, "global_head_dim")
        value = config.count_or_none("v_head_dim")
    else:
        counts = Counter({config.count_or_none("swa_num_key_value_heads") or kv_heads(config): layers})
        value = config.count_or_none("swa_v_head_dim", "v_head_dim")
    return [
        AttentionLayers.model_validate(
            {
                "kind": kind,
                "layers": number,
                "query_heads": heads,
                "kv_heads": kv,
                "head_size": size,
                "value_size": value if value != size else None,
                "window": None
                if kind == "full"
                else config.count("attention_chunk_size" if kind == "chunked" else "sliding_window"),
            }
        )
        for kv, number in sorted(counts.items(), reverse=True)
    ]


def _kv_heads_by_layer(config: Fields, heads: int, layers: int) -> Counter[int]:
    blocks = [block.get("attention") or {} for block in config.items("block_configs")]
    if blocks:
        return Counter(heads // block["n_heads_in_group"] for block in blocks if block.get("n_heads_in_group"))
    per_layer = config.items("num_key_value_heads_per_layer")
    if per_layer:
        return Counter(int(count) for count in per_layer)
    return Counter({config.count_or_none("num_global_key_value_heads") or kv_heads(config): layers})


def _matrices(config: Fields, group: AttentionLayers) -> int:
    hidden = config.count("hidden_size")
    queries = group.query_heads * group.head_size * (2 if config.flag("attn_output_gate") else 1)
    shared = config.flag("attention_k_eq_v") and group.kind == "full"
    keys_values = group.kv_heads * group.head_size if shared else group.kv_elements
    outputs = group.query_heads * (group.value_size or group.head_size)
    return hidden * (queries + keys_values + outputs)


def latent_matrices(config: Fields, group: AttentionLayers, latent: Latent) -> int:
    """Down- and up-projections of queries and of keys and values, output, and the indexer of sparse attention."""
    hidden, heads, rank = config.count("hidden_size"), group.query_heads, latent.query_rank
    queries = heads * (latent.nope_size + latent.rope_size)
    query = hidden * rank + rank * queries if rank else hidden * queries
    key_value = hidden * latent.size + latent.kv_rank * heads * (latent.nope_size + latent.value_size)
    gate = hidden * heads * latent.value_size if config.flag("mla_use_output_gate") else 0
    index = 0
    if latent.index_heads:
        index = (rank or hidden) * latent.index_heads * latent.index_size + hidden * (
            latent.index_size + latent.index_heads
        )
    return query + key_value + heads * latent.value_size * hidden + gate + index


def _vectors(config: Fields, family: Family, group: AttentionLayers, latent: Latent | None) -> int:
    if latent:
        return latent.kv_rank + (latent.query_rank or 0) + 2 * latent.index_size
    queries, keys = group.query_heads * group.head_size, group.kv_heads * group.head_size
    norms = {"none": 0, "head": 2 * group.head_size, "layer": queries + keys}[family.qk_norm]
    given = config.flag("attention_bias")
    qkv = queries + group.kv_elements if family.qkv_bias or given else 0
    output = config.count("hidden_size") if family.output_bias or (given and not family.qkv_bias) else 0
    return norms + qkv + output + (group.query_heads if family.sinks else 0)
