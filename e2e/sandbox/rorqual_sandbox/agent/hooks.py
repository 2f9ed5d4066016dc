"""preStop hooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp

from rorqual_sandbox.agent.probes import run_command
from rorqual_sandbox.clock import Clock


async def run_pre_stop(
    container: Mapping[str, Any], pod_ip: str, env: Mapping[str, str], clock: Clock, session: aiohttp.ClientSession
) -> str | None:
    """Runs the container's preStop hook; None, or what went wrong. The caller bounds its time."""
    hook = container.get("lifecycle", {}).get("preStop")
    try:
        match hook:
            case {"sleep": {"seconds": seconds}}:
                await clock.sleep(seconds)
            case {"exec": {"command": command}}:
                status = await run_command(command, env)
                return f"preStop ended with {status}" if status else None
            case {"httpGet": http}:
                url = f"http://{http.get('host') or pod_ip}:{http['port']}{http.get('path', '/')}"
                async with session.get(url) as response:
                    await response.read()
    except (aiohttp.ClientError, OSError) as error:
        return f"preStop failed: {error}"
    return None
