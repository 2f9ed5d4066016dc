"""Recorded shapes: pods, statuses and frames as the tests need them."""

from __future__ import annotations

import asyncio
from typing import Any

from rorqual_demo.frame import Decision, Engines, Frame, Replicas, Service
from rorqual_demo.ledger import Load
from rorqual_demo.scene import Scene
from rorqual_demo.trace import Scaling

SCENE = Scene(
    namespace="llm",
    service="chat",
    model="meta-llama/Llama-3.1-8B-Instruct",
    engine="simulated vLLM",
    gpu="NVIDIA-H100-80GB-HBM3",
    max_replicas=8,
    ttft_objective_seconds=1.0,
    replay_seconds=100.0,
    total_seconds=130.0,
    scaling=Scaling(14, 6, 4),
)

UP = Decision(
    "2026-11-21T09:00:05Z", "Scale", "1", "3", "DemandAboveCapacity", "17 requests in flight [8 fit]", "ScaleUpPolicy"
)
DOWN = Decision("2026-11-21T09:01:40Z", "Scale", "3", "2", "DemandBelowCapacity", "9 requests in flight")
HELD = Decision("2026-11-21T09:00:09Z", "Hold", "3", "3", "DemandAboveCapacity", "more is wanted", "MaxReplicas")
CONFIGURED = Decision("2026-11-21T09:00:00Z", "Configure", "none", "8 sequences", "InitialConfiguration", "pinned")


class FakeClock:
    """Time that passes only in `sleep`, at once."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += max(0.0, seconds)
        await asyncio.sleep(0)


def pod(name: str, *, ip: str = "127.7.1.1", ready: str = "True", ending: str | None = None) -> dict[str, Any]:
    """An engine pod with one GPU, bound to a node."""
    metadata = {"name": name} | ({"deletionTimestamp": ending} if ending else {})
    container = {"name": "engine", "ports": [{"name": "http", "containerPort": 8000}]}
    return {
        "metadata": metadata,
        "spec": {
            "nodeName": "h100-0",
            "containers": [{**container, "resources": {"limits": {"nvidia.com/gpu": "1"}}}],
        },
        "status": {"phase": "Running", "podIP": ip, "conditions": [{"type": "Ready", "status": ready}]},
    }


STATUS: dict[str, Any] = {
    "selector": "app.kubernetes.io/instance=chat",
    "desiredReplicas": 3,
    "reason": "DemandAboveCapacity",
    "health": {"verdict": "Overload"},
    "decisions": [
        {
            "time": UP.time,
            "action": "Scale",
            "from": "1",
            "to": "3",
            "reason": UP.reason,
            "message": UP.message,
            "limitedBy": "ScaleUpPolicy",
        },
        {
            "time": CONFIGURED.time,
            "action": "Configure",
            "from": "none",
            "to": "8 sequences",
            "reason": CONFIGURED.reason,
            "message": "pinned",
        },
    ],
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Answering",
            "message": "1 replica serves",
            "lastTransitionTime": "2026-11-21T09:00:00Z",
        }
    ],
}


def frame(
    at: float,
    *,
    load: float = 10.0,
    ttft: float | None = 0.3,
    ready: int = 1,
    starting: int = 0,
    decisions: tuple[Decision, ...] = (),
) -> Frame:
    """A frame with as many GPUs as pods."""
    pods = ready + starting
    return Frame(
        at=at,
        load=Load(load, 12, 400.0, ttft, ttft, sent=round(load * at), answered=0, failed=0),
        replicas=Replicas(desired=pods, starting=starting, ready=ready, ending=0, gpus=pods),
        engines=Engines(running=8, waiting=4, kv_use=0.43),
        service=Service("Overload", "DemandAboveCapacity", decisions, {"Ready": ("True", "Answering", "")}),
    )


def story() -> list[Frame]:
    """A rise that costs TTFT, more replicas, and a fall."""
    return [
        frame(1),
        frame(30, load=20, ttft=4.0, starting=2, decisions=(UP, CONFIGURED)),
        frame(60, load=19, ttft=0.4, ready=3, decisions=(UP, CONFIGURED)),
        frame(120, load=5, ttft=0.3, ready=2, decisions=(DOWN, UP, CONFIGURED)),
    ]
