"""Chooses the pod for each request, as the endpoint picker of an InferencePool does.

The picker of the Gateway API inference extension scores pods by their queue and their KV cache. Here the queue is
counted, not scraped: the replayer is the engines' only client, so what it has in flight at a pod is exactly what
runs and waits there, without a scrape's delay. KV use comes from each pod's /metrics, once a second, and decides
among pods with equally many requests; then whoever was chosen longest ago.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count

from rorqual_demo.endpoints import Endpoint


class NoEndpointError(Exception):
    """No pod is ready; an InferencePool answers 503."""


class Picker:
    """Keeps count of the requests at each pod. Not for use from several threads."""

    def __init__(self) -> None:
        self._endpoints: dict[str, Endpoint] = {}
        self._in_flight: dict[str, int] = {}
        self._kv_use: Mapping[str, float] = {}
        self._chosen: dict[str, int] = {}
        self._turns = count(1)

    def update(self, endpoints: Iterable[Endpoint]) -> None:
        """Replaces the pods to choose from; requests under way elsewhere are still counted."""
        self._endpoints = {endpoint.pod: endpoint for endpoint in endpoints}

    def observe_kv_use(self, kv_use: Mapping[str, float]) -> None:
        """Replaces what is known of the pods' KV caches, 0..1 by pod name."""
        self._kv_use = kv_use

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(self._endpoints.values())

    def in_flight(self, pod: str) -> int:
        """Requests under way at `pod`."""
        return self._in_flight.get(pod, 0)

    @contextmanager
    def pick(self, avoid: Collection[str] = ()) -> Iterator[Endpoint]:
        """The least loaded pod that is not in `avoid`; it counts as busy inside the block. Raises NoEndpointError."""
        candidates = [endpoint for pod, endpoint in self._endpoints.items() if pod not in avoid]
        if not candidates:
            raise NoEndpointError(f"none of {len(self._endpoints)} ready pods can take a request")
        chosen = min(candidates, key=self._load)
        self._chosen[chosen.pod] = next(self._turns)
        self._in_flight[chosen.pod] = self.in_flight(chosen.pod) + 1
        try:
            yield chosen
        finally:
            self._in_flight[chosen.pod] -= 1

    def _load(self, endpoint: Endpoint) -> tuple[int, float, int]:
        pod = endpoint.pod
        return self.in_flight(pod), self._kv_use.get(pod, 0.0), self._chosen.get(pod, 0)
