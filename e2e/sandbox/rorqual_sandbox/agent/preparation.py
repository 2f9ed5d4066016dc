"""From a container of the API to a command and its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rorqual_sandbox.agent.account import Account
from rorqual_sandbox.agent.environment import expand_all, resolve_environment
from rorqual_sandbox.agent.record import Waiting
from rorqual_sandbox.agent.surroundings import Surroundings
from rorqual_sandbox.agent.writer import UNREACHABLE
from rorqual_sandbox.api import ApiError
from rorqual_sandbox.engines.launch import Launch, LaunchRefusedError, Request
from rorqual_sandbox.process import ENGINE_VARIABLE, INSTANCE_VARIABLE

_RETRY_SECONDS = 2.0
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", INSTANCE_VARIABLE)


@dataclass(frozen=True)
class Prepared:
    """What to run, in which environment."""

    launch: Launch
    env: dict[str, str]


async def prepare(account: Account, around: Surroundings) -> Prepared:
    """What to run; waits, with the reason in the pod's status, while that cannot be said."""
    while True:
        try:
            return await _resolve(account, around)
        except LaunchRefusedError as refusal:
            waiting = Waiting(refusal.reason, str(refusal))
            if account.record.state != waiting:
                account.tell("Warning", "Failed", f"Error: {refusal}")
                account.publish(state=waiting)
        except (ApiError, *UNREACHABLE) as error:
            account.tell("Warning", "Failed", f"Error: {error}")
        await around.clock.sleep(_RETRY_SECONDS)


async def _resolve(account: Account, around: Surroundings) -> Prepared:
    container, ip = account.container, account.record.ip
    own = await resolve_environment(around.api, account.pod, container, ip)
    ports = [int(port["containerPort"]) for port in container.get("ports", [])]
    request = Request(
        image=container.get("image", ""),
        command=expand_all(container.get("command", []), own),
        args=expand_all(container.get("args", []), own),
        pod_ip=ip,
        port=ports[0] if ports else None,
        annotations=account.pod["metadata"].get("annotations", {}),
    )
    launch = around.images.prepare(request)
    host = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    mark = {ENGINE_VARIABLE: os.environ.get(INSTANCE_VARIABLE, "")}
    return Prepared(launch, {**host, **launch.defaults, **own, **launch.env, **mark})
