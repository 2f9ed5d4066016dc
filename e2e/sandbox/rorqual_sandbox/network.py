"""A loopback network for each sandbox.

On Linux all of 127.0.0.0/8 is local, so each sandbox takes 127.N.0.0/16 for itself: its components sit on
127.N.0.1, its engine pods on 127.N.1.0 and up, and the pods that kwok plays on 127.N.128.0/17. Two sandboxes
therefore cannot clash, whatever ports they use.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from rorqual_sandbox.errors import SandboxError

_NUMBERS = range(1, 255)


@dataclass(frozen=True)
class Network:
    """The addresses 127.`number`.0.0/16."""

    number: int

    @property
    def host(self) -> str:
        """The address of the control plane and of Prometheus."""
        return f"127.{self.number}.0.1"

    @property
    def kwok_cidr(self) -> str:
        """The half that kwok hands out to the pods it plays."""
        return f"127.{self.number}.128.0/17"

    def engine_addresses(self) -> Iterable[str]:
        """Addresses for engine pods, in order: the lower half without the first 256."""
        start = int(ipaddress.IPv4Address(f"127.{self.number}.1.1"))
        stop = int(ipaddress.IPv4Address(f"127.{self.number}.127.255"))
        return (str(ipaddress.IPv4Address(value)) for value in range(start, stop))


def claim_network(numbers: Iterable[int] = _NUMBERS) -> tuple[Network, socket.socket]:
    """The first network that no other sandbox on this machine uses, and the socket that holds the claim.

    The claim is a name in the kernel's abstract socket namespace: it vanishes with its process, however that
    ends, and it covers exactly what shares a loopback interface.
    """
    for number in numbers:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0rorqual-sandbox/127.{number}.0.0")
        except OSError:
            claim.close()
            continue
        return Network(number), claim
    raise SandboxError("no free loopback network: 127.1.0.0/16 to 127.254.0.0/16 all belong to running sandboxes")


def free_port(host: str, preferred: int) -> int:
    """`preferred` if it can be bound on `host`, else some other free port.

    Nothing but this sandbox uses `host`; only a process that listens on all addresses takes a port away.
    """
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SandboxError(f"no free port on {host}")
