"""What one `up` was asked for; kept in the state directory, so that the supervisor finds it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from rorqual_sandbox.nodes import DEFAULT_FLEET, NodeSpec


class Engine(StrEnum):
    """What answers behind the image `vllm/vllm-openai`."""

    SIM = "sim"
    VLLM = "vllm"


@dataclass(frozen=True)
class Options:
    """Settings of a sandbox.

    `backoff_seconds` is the first wait of CrashLoopBackOff (it doubles up to 30 times itself, as the kubelet's
    10 s do up to 300 s); `load_seconds` how long a simulated engine takes to load its model.
    """

    engine: Engine = Engine.SIM
    nodes: tuple[NodeSpec, ...] = DEFAULT_FLEET
    scrape_interval_seconds: float = 2.0
    backoff_seconds: float = 10.0
    load_seconds: float = 3.0

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=2))

    @classmethod
    def read(cls, path: Path) -> Options:
        fields = json.loads(path.read_text())
        nodes = tuple(
            NodeSpec(**{**node, "labels": tuple((key, value) for key, value in node["labels"])})
            for node in fields.pop("nodes")
        )
        return cls(engine=Engine(fields.pop("engine")), nodes=nodes, **fields)
