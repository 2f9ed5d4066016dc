from __future__ import annotations

import pytest

from rorqual_demo.endpoints import Endpoint, endpoint_of
from rorqual_demo.errors import TargetError

from .objects import pod


@pytest.mark.parametrize("host", ["127.0.0.1", "127.200.3.4", "::1"])
def test_loopback_is_allowed(host: str) -> None:
    assert Endpoint("a", host, 8000).host == host


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "128.0.0.1", "0.0.0.0", "localhost", "example.com", "127.0.0.1.nip.io", ""]
)
def test_everything_else_is_refused(host: str) -> None:
    with pytest.raises(TargetError, match="loopback addresses alone"):
        Endpoint("pod-a", host, 8000)


def test_a_ready_pod_is_an_endpoint() -> None:
    assert endpoint_of(pod("a", ip="127.7.1.9")) == Endpoint("a", "127.7.1.9", 8000)


def test_a_ready_pod_elsewhere_is_refused_and_named() -> None:
    with pytest.raises(TargetError, match=r"a: .*'10\.1\.2\.3'"):
        endpoint_of(pod("a", ip="10.1.2.3"))


def test_pods_that_are_unready_or_ending_are_none() -> None:
    assert endpoint_of(pod("a", ready="False")) is None
    assert endpoint_of(pod("a", ending="2026-11-21T09:00:00Z")) is None


def test_the_named_port_counts() -> None:
    made = pod("a")
    made["spec"]["containers"].insert(0, {"name": "sidecar", "ports": [{"name": "grpc", "containerPort": 9}]})
    found = endpoint_of(made)
    assert found is not None and found.port == 8000
