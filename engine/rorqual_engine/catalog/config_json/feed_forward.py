"""The feed-forward layers of a config.json, experts included, and their parameters."""

from collections import Counter
from dataclasses import dataclass

from rorqual_engine.catalog.architecture import Experts
from rorqual_engine.catalog.config_json.family import Family
from rorqual_engine.catalog.config_json.fields import Fields
from rorqual_engine.catalog.config_json.layers import expert_count, feed_forward_kinds


@dataclass(frozen=True, slots=True)
class FeedForward:
    """All layers' feed-forward."""

    intermediate_size: int
    """The widest dense one; of an expert where none is dense."""
    dense_width: int
    """Intermediate sizes of all dense ones added up."""
    matrices: int
    """Of one feed-forward: 3 when gated."""
    experts: Experts | None
    dense: int
    """Parameters of all dense ones."""
    shared: int
    routed: int
    router: int
    vectors: int


def read_feed_forward(config: Fields, family: Family) -> FeedForward:
    hidden, matrices = config.count("hidden_size"), 3 if family.gated else 2
    kinds = Counter(feed_forward_kinds(config))
    widths = _dense_widths(config, family, kinds["dense"] + kinds["both"])
    experts = _experts(config, family, kinds["experts"] + kinds["both"])
    dense_bias = sum(widths) * (matrices - 1) + hidden * len(widths) if _has_bias(config, family) else 0
    return FeedForward(
        intermediate_size=max(widths, default=0) or (experts.intermediate_size if experts else 0),
        dense_width=sum(widths),
        matrices=matrices,
        experts=experts,
        dense=matrices * hidden * sum(widths),
        shared=_shared(hidden, matrices, experts, family),
        routed=_routed(hidden, matrices, experts),
        router=experts.layers * experts.count * hidden if experts else 0,
        vectors=dense_bias + _expert_vectors(config, family, experts, hidden),
    )


def _has_bias(config: Fields, family: Family) -> bool:
    return family.feed_forward_bias or config.flag("mlp_bias")


def _dense_widths(config: Fields, family: Family, layers: int) -> list[int]:
    blocks = [block.get("ffn") or {} for block in config.items("block_configs")]
    if blocks:
        hidden = config.count("hidden_size")
        return [_multiple_width(hidden, block["ffn_mult"]) for block in blocks if block.get("ffn_mult")]
    if not layers:
        return []
    return [_dense_width(config, family)] * layers


def _dense_width(config: Fields, family: Family) -> int:
    names = ("intermediate_size_mlp", "dense_intermediate_size", "ffn_hidden_size", "intermediate_size")
    found = config.count_or_none(*names)
    if not found and family.wide:
        return family.wide * config.count("hidden_size")
    return found or config.count("intermediate_size")


def _multiple_width(hidden: int, multiple: float) -> int:
    """Of DeciLM: two thirds of the multiple, rounded up to 256."""
    width = int(2 * multiple * hidden / 3)
    return width + -width % 256


def _experts(config: Fields, family: Family, layers: int) -> Experts | None:
    count = expert_count(config)
    if not count or not layers:
        return None
    active = config.count("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "top_k_experts", "moe_k")
    if active > count:
        raise config.error(f"num_experts_per_tok {active} is more than the {count} experts")
    size = config.count("moe_intermediate_size", "expert_ffn_hidden_size", "intermediate_size")
    return Experts(
        count=count,
        active=active,
        intermediate_size=size,
        layers=layers,
        shared_intermediate_size=_shared_size(config, family, size),
        hidden_size=config.count_or_none("routed_expert_hidden_size", "moe_latent_size") or None,
    )


def _shared_size(config: Fields, family: Family, size: int) -> int:
    names = ("shared_expert_intermediate_size", "moe_shared_expert_intermediate_size", "share_expert_dim")
    given = config.count_or_none(*names)
    if given is not None:
        return given
    shared = config.count_or(
        1 if family.shared_experts else 0, "n_shared_experts", "num_shared_experts", "moe_num_shared_experts"
    )
    return shared * size if shared else config.count_or(0, "shared_intermediate_size")


def _shared(hidden: int, matrices: int, experts: Experts | None, family: Family) -> int:
    if experts is None or not experts.shared_intermediate_size:
        return 0
    gate = hidden if family.shared_gate else 0
    return experts.layers * (matrices * hidden * experts.shared_intermediate_size + gate)


def _routed(hidden: int, matrices: int, experts: Experts | None) -> int:
    if experts is None:
        return 0
    width = experts.hidden_size or hidden
    one = matrices * width * experts.intermediate_size
    projections = 2 * hidden * experts.hidden_size if experts.hidden_size else 0
    return experts.layers * (experts.count * one + projections)


def _expert_vectors(config: Fields, family: Family, experts: Experts | None, hidden: int) -> int:
    if experts is None:
        return 0
    corrected = config.text("topk_method") == "noaux_tc" or config.flag("use_routing_bias")
    router = experts.count if family.router_bias or corrected else 0
    biases = experts.count * (2 * experts.intermediate_size + hidden) if family.feed_forward_bias else 0
    return experts.layers * (router + biases)
