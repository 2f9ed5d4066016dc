"""The operator's verdicts on what real engines on a GPU told while known things happened to them."""

import pytest
from diagnosis_recorded import RECORDING, judged, read, spans, ticks_of

RIGHT = {
    "freeze-a": ["NotAnswering", "NoProgress"],
    "freeze-b": ["NotReached", "NotAnswering"],
    "starve-a": ["Slow", "Slow"],
    "overload": ["TooFewSequences", "TooFewSequences"],
    "thrash": ["KVCacheThrashing", "KVCacheThrashing"],
    "clean": [],
}


@pytest.fixture(scope="module")
def recorded():
    head, moments = read(RECORDING)
    return head["groups"], [moment for moment in moments if "all" not in moment["doing"]]


@pytest.mark.parametrize("service", RIGHT)
def test_each_fault_is_named_and_nothing_else(recorded, service):
    groups, moments = recorded
    ticks = ticks_of([group for group in groups if group["name"] == service], moments)[service]
    found = [judged(service, kind, span) for kind, span in spans(ticks)]
    assert all(one.right for one in found), found
    assert [one.called[1] for one in found if one.kind != "quiet"] == RIGHT[service]
