"""Pod addresses are never given twice."""

from __future__ import annotations

import pytest

from rorqual_sandbox.agent.addresses import AddressPool
from rorqual_sandbox.errors import SandboxError


def test_addresses_come_in_order_and_are_reused_last() -> None:
    pool = AddressPool(["a", "b", "c"])
    assert pool.take() == "a"
    pool.give_back("a")
    assert [pool.take(), pool.take(), pool.take()] == ["b", "c", "a"]


def test_a_wanted_address_is_given_once() -> None:
    pool = AddressPool(["a", "b"])
    assert pool.take("b") == "b"
    assert pool.take("b") == "a"


def test_a_foreign_address_is_replaced() -> None:
    assert AddressPool(["a"]).take("10.0.0.1") == "a"


def test_exhaustion_is_an_error() -> None:
    pool = AddressPool([])
    with pytest.raises(SandboxError, match="no free pod address"):
        pool.take()
