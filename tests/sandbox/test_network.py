"""Loopback networks, one for each sandbox."""

from __future__ import annotations

import ipaddress
import socket
from itertools import islice

import pytest

from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.network import Network, claim_network, free_port

NUMBERS = range(240, 243)  # from the end that sandboxes reach last


def test_two_claims_get_two_networks_and_a_released_one_is_free_again() -> None:
    first, claim = claim_network(NUMBERS)
    second, other = claim_network(NUMBERS)
    assert first != second
    claim.close()
    third, again = claim_network(NUMBERS)
    assert third == first
    other.close()
    again.close()


def test_none_left_is_an_error() -> None:
    with pytest.raises(SandboxError, match="no free loopback network"):
        claim_network([])


def test_engines_and_kwok_share_no_address() -> None:
    network = Network(7)
    kwok = ipaddress.ip_network(network.kwok_cidr)
    engines = [ipaddress.ip_address(address) for address in network.engine_addresses()]
    assert not any(address in kwok for address in engines)
    assert ipaddress.ip_address(network.host) not in {*engines}
    assert list(islice(network.engine_addresses(), 2)) == ["127.7.1.1", "127.7.1.2"]


def test_a_taken_port_is_replaced() -> None:
    host = "127.243.0.1"
    with socket.create_server((host, 0)) as taken:
        port = taken.getsockname()[1]
        assert free_port(host, port) not in (0, port)
    assert free_port(host, port) == port
