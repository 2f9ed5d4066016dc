"""The commands of the components."""

from __future__ import annotations

from pathlib import Path

import pytest

from rorqual_sandbox.build import Binaries
from rorqual_sandbox.components import ORDER, Component, Endpoints, Plan
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.network import Network


@pytest.fixture
def components(tmp_path: Path) -> dict[str, Component]:
    network = Network(244)
    endpoints = Endpoints(network.host, *range(1, 9))
    return Plan(Layout(tmp_path), Binaries(tmp_path), network, endpoints).components()


def test_they_come_in_starting_order(components: dict[str, Component]) -> None:
    assert tuple(components) == ORDER


@pytest.mark.parametrize("name", [name for name in ORDER if name != "agent"])
def test_nothing_listens_beyond_the_sandboxes_address(components: dict[str, Component], name: str) -> None:
    text = " ".join(components[name].argv)
    assert "127.244.0.1" in text
    assert "=0.0.0.0" not in text and "//0.0.0.0" not in text
    assert components[name].health.split("//")[1].startswith("127.244.0.1:")


def test_kwok_gets_its_half_of_the_network(components: dict[str, Component]) -> None:
    assert "--cidr=127.244.128.0/17" in components["kwok"].argv


def test_controllers_that_refuse_loopback_endpoints_are_off(components: dict[str, Component]) -> None:
    (controllers,) = [a for a in components["kube-controller-manager"].argv if a.startswith("--controllers")]
    assert "-endpointslice-controller" in controllers


def test_the_usual_ports_are_chosen_where_they_are_free() -> None:
    endpoints = Endpoints.choose(Network(245))
    assert endpoints.server_url.startswith("https://127.245.0.1:")
    ports = [v for v in vars(endpoints).values() if isinstance(v, int)]
    assert len(set(ports)) == len(ports) == 8
