"""How much an engine's KV cache holds: what it says of itself, where that is less than the law thinks."""

from collections.abc import Iterable
from dataclasses import replace

from rorqual_engine.snapshot import EngineMetrics, reported_cache_tokens
from rorqual_engine.timing import Capability


def as_told(capability: Capability | None, metrics: Iterable[EngineMetrics]) -> Capability | None:
    """The law with the smallest cache that a replica reported.

    More than the law's is not believed: blocks of models with several kinds of layers hold tokens more than once.
    """
    least = reported_cache_tokens(metrics)
    if capability is None or least is None or least >= capability.kv_tokens:
        return capability
    return replace(capability, kv_tokens=least)
