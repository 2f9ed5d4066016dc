"""Where requests may go: engine pods on this machine's loopback interface, and nowhere else."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from rorqual_demo.errors import TargetError

_PORT_NAMES = ("http", "metrics")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One engine pod that answers requests. Raises TargetError for an address that is not loopback."""

    pod: str
    host: str
    port: int

    def __post_init__(self) -> None:
        check_loopback(self.host, self.pod)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


def check_loopback(host: str, owner: str) -> None:
    """Raises TargetError unless `host` is a literal loopback address (names are not looked up)."""
    try:
        allowed = ipaddress.ip_address(host).is_loopback
    except ValueError:
        allowed = False
    if not allowed:
        raise TargetError(
            f"{owner}: the demo sends load to loopback addresses alone (127.0.0.0/8), and this is {host!r}. "
            "It is made for the sandbox; do not point it at a cluster"
        )


def endpoint_of(pod: dict[str, Any]) -> Endpoint | None:
    """The endpoint of a pod object that is ready and not ending, else None."""
    if not is_ready(pod) or is_ending(pod):
        return None
    return Endpoint(pod["metadata"]["name"], pod["status"]["podIP"], _port(pod))


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether its Ready condition holds and it has an address."""
    status = pod.get("status", {})
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", ()))
    return ready and bool(status.get("podIP"))


def is_ending(pod: dict[str, Any]) -> bool:
    """Whether it is being deleted."""
    return "deletionTimestamp" in pod["metadata"]


def _port(pod: dict[str, Any]) -> int:
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports", ())]
    named = [port for port in ports if port.get("name") in _PORT_NAMES]
    return int((named or ports or [{"containerPort": 8000}])[0]["containerPort"])
