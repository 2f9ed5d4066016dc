"""What all workers share."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from rorqual_sandbox.agent.events import EventRecorder
from rorqual_sandbox.api import Api
from rorqual_sandbox.clock import Clock
from rorqual_sandbox.engines.images import ImageTable
from rorqual_sandbox.layout import Layout


@dataclass(frozen=True)
class Surroundings:
    """The API server, the places of files, and time; `backoff_seconds` is the first wait of CrashLoopBackOff."""

    api: Api
    session: aiohttp.ClientSession
    layout: Layout
    images: ImageTable
    events: EventRecorder
    clock: Clock
    host_ip: str
    backoff_seconds: float
