from __future__ import annotations

from contextlib import ExitStack

import pytest

from rorqual_demo.endpoints import Endpoint
from rorqual_demo.picker import NoEndpointError, Picker


def picker_of(*pods: str) -> Picker:
    picker = Picker()
    picker.update(Endpoint(pod, "127.0.0.1", 8000 + index) for index, pod in enumerate(pods))
    return picker


def test_requests_spread_evenly() -> None:
    picker = picker_of("a", "b", "c")
    with ExitStack() as stack:
        picked = [stack.enter_context(picker.pick()).pod for _ in range(6)]
    assert sorted(picked) == ["a", "a", "b", "b", "c", "c"]


def test_one_after_another_goes_round() -> None:
    picker = picker_of("a", "b", "c")
    picked = []
    for _ in range(4):
        with picker.pick() as endpoint:
            picked.append(endpoint.pod)
    assert picked == ["a", "b", "c", "a"]


def test_a_new_pod_gets_the_next_requests() -> None:
    picker = picker_of("a")
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(picker.pick())
        picker.update([*picker.endpoints, Endpoint("b", "127.0.0.1", 9000)])
        assert [stack.enter_context(picker.pick()).pod for _ in range(3)] == ["b", "b", "b"]


def test_kv_use_decides_among_equals() -> None:
    picker = picker_of("a", "b")
    picker.observe_kv_use({"a": 0.9, "b": 0.2})
    with picker.pick() as endpoint:
        assert endpoint.pod == "b"


def test_the_count_ends_with_the_request_even_when_it_fails() -> None:
    picker = picker_of("a")
    with pytest.raises(ValueError, match="broken"), picker.pick():
        assert picker.in_flight("a") == 1
        raise ValueError("broken")
    assert picker.in_flight("a") == 0


def test_a_pod_that_left_is_not_picked_and_its_count_still_ends() -> None:
    picker = picker_of("a", "b")
    with picker.pick() as first:
        assert first.pod == "a"
        picker.update([Endpoint("b", "127.0.0.1", 9000)])
        with picker.pick() as second:
            assert second.pod == "b"
    assert picker.in_flight("a") == 0


def test_pods_to_avoid_are_left_out() -> None:
    with picker_of("a", "b").pick(avoid=("a",)) as endpoint:
        assert endpoint.pod == "b"


def test_none_ready_is_an_error() -> None:
    with pytest.raises(NoEndpointError, match="none of 0 ready pods"), picker_of().pick():
        pass
