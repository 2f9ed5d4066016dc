"""Pod addresses, one loopback address each."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from rorqual_sandbox.errors import SandboxError


class AddressPool:
    """Hands addresses out in order; one that comes back is the last to be given again."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._free = dict.fromkeys(addresses)
        self._returned: deque[str] = deque()

    def take(self, wanted: str | None = None) -> str:
        """`wanted` if it is free (a pod keeps its address when the agent restarts), else the next one."""
        if wanted in self._free:
            del self._free[wanted]
            return wanted
        if self._free:
            address = next(iter(self._free))
            del self._free[address]
            return address
        if self._returned:
            return self._returned.popleft()
        raise SandboxError("no free pod address left in the sandbox's network")

    def give_back(self, address: str) -> None:
        """Frees an address."""
        self._returned.append(address)
