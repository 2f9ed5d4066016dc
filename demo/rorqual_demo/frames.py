"""Frames on disk: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rorqual_demo.frame import Decision, Engines, Frame, Replicas, Service
from rorqual_demo.ledger import Load


def write_frames(path: Path, frames: Iterable[Frame]) -> None:
    """Writes frames.jsonl."""
    path.write_text("".join(json.dumps(asdict(frame)) + "\n" for frame in frames))


def read_frames(path: Path) -> tuple[Frame, ...]:
    """The frames that `write_frames` wrote."""
    return tuple(_read(json.loads(line)) for line in path.read_text().splitlines())


def _read(fields: dict[str, Any]) -> Frame:
    service = fields["service"]
    return Frame(
        at=fields["at"],
        load=Load(**fields["load"]),
        replicas=Replicas(**fields["replicas"]),
        engines=Engines(**fields["engines"]),
        service=Service(
            verdict=service["verdict"],
            reason=service["reason"],
            decisions=tuple(Decision(**one) for one in service["decisions"]),
            conditions={
                kind: (status, reason, message) for kind, (status, reason, message) in service["conditions"].items()
            },
        ),
    )
