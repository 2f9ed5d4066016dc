"""`python -m rorqual_sandbox.agent STATE_DIRECTORY NETWORK PORT BINARIES`, started by the supervisor."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import aiohttp

from rorqual_sandbox.agent.addresses import AddressPool
from rorqual_sandbox.agent.events import EventRecorder
from rorqual_sandbox.agent.lifetime import run_until_stopped
from rorqual_sandbox.agent.service import Agent
from rorqual_sandbox.agent.surroundings import Surroundings
from rorqual_sandbox.api import Api, Credentials
from rorqual_sandbox.build import Binaries
from rorqual_sandbox.clock import SystemClock
from rorqual_sandbox.engines.images import ImageTable
from rorqual_sandbox.engines.launch import Places
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.network import Network
from rorqual_sandbox.options import Options
from rorqual_sandbox.paths import cache_directory


async def run(layout: Layout, network: Network, port: int, binaries: Binaries) -> None:
    """Runs the agent until SIGTERM; its engines end with it."""
    options = Options.read(layout.options)
    clock = SystemClock()
    async with Api(Credentials.read(layout.kubeconfig)) as api, aiohttp.ClientSession() as session:
        around = Surroundings(
            api=api,
            session=session,
            layout=layout,
            images=ImageTable(options, Places(binaries.bin, cache_directory())),
            events=EventRecorder(api, clock),
            clock=clock,
            host_ip=network.host,
            backoff_seconds=options.backoff_seconds,
        )
        agent = Agent(around, AddressPool(network.engine_addresses()))
        await run_until_stopped(agent, network.host, port)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    asyncio.run(
        run(Layout(Path(sys.argv[1])), Network(int(sys.argv[2])), int(sys.argv[3]), Binaries(Path(sys.argv[4])))
    )
