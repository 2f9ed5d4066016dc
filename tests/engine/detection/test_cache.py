"""Whose word counts on how much a KV cache holds."""

from rorqual_engine.detection.cache import as_told
from rorqual_engine.snapshot import CacheConfig
from rorqual_engine.timing import Capability, StepTiming

from ..builders import some_metrics

LAW = Capability(StepTiming(0.01), sequences=100, kv_tokens=100_000)


def told(*blocks):
    return as_told(LAW, [some_metrics(cache=CacheConfig(one, 16) if one else None) for one in blocks])


def test_the_smallest_that_is_told_counts():
    assert told(65, 100).kv_tokens == 65 * 16


def test_more_than_the_law_is_not_believed():
    assert told(1_000_000).kv_tokens == 100_000


def test_without_a_word_the_law_stands():
    assert told(0, 0) is LAW
    assert as_told(None, [some_metrics(cache=CacheConfig(65, 16))]) is None
