"""How an engine pod starts, is watched, and ends: all the times that have to fit together."""

from dataclasses import dataclass
from typing import Any

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_operator.act.render.ports import PORT_NAME
from rorqual_operator.act.render.runtime import Runtime

PERIOD_SECONDS = 5
LOAD_SECONDS = 3600
"""A start may take so long: fetching and loading some hundred GB from a hub takes tens of minutes. An engine that
fails exits by itself, so a generous bound costs only when one hangs. Longer: template's startupProbe."""
PULL_SECONDS = 900
"""On top of that, for the image and for a node to come up."""
PROGRESS_SECONDS = LOAD_SECONDS + PULL_SECONDS
"""A rollout without a new available pod for so long has failed."""
ROUTING_SECONDS = 10
"""Until every router has taken an ending pod off its list."""
EXIT_SECONDS = 10
"""For the process to leave after its last request."""
DRAIN_SECONDS = 60
"""Requests in flight may take so long to finish, unless template.spec.terminationGracePeriodSeconds says otherwise."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a pod ends, in seconds: wait before SIGTERM, then finish requests, all within the grace period."""

    sleep_seconds: int
    drain_seconds: int
    grace_seconds: int


def ending(runtime: Runtime, spec: LLMServiceSpec) -> Ending:
    """The times of a pod's end.

    New requests stop coming while preStop sleeps. An engine that drains by itself then gets SIGTERM and
    finishes; for one that would abort its requests, the sleep covers the drain too.
    """
    given = spec.template.spec.get("terminationGracePeriodSeconds")
    grace = given if isinstance(given, int) else ROUTING_SECONDS + DRAIN_SECONDS + EXIT_SECONDS
    drain = max(0, grace - ROUTING_SECONDS - EXIT_SECONDS)
    if runtime.drains_by_itself(spec):
        return Ending(min(ROUTING_SECONDS, grace), drain, grace)
    return Ending(min(ROUTING_SECONDS + drain, grace), drain, grace)


def probes(runtime: Runtime) -> dict[str, Any]:
    """startup, readiness and liveness of the engine's container.

    Liveness is slow on purpose: an engine at its limit answers late, and a restart would lose its requests.
    """
    startup_failures = LOAD_SECONDS // PERIOD_SECONDS
    return {
        "startupProbe": _probe(runtime, PERIOD_SECONDS, timeout_seconds=5, failures=startup_failures),
        "readinessProbe": _probe(runtime, PERIOD_SECONDS, timeout_seconds=5, failures=3),
        "livenessProbe": _probe(runtime, period_seconds=10, timeout_seconds=10, failures=6),
    }


def _probe(runtime: Runtime, period_seconds: int, timeout_seconds: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": runtime.health_path, "port": PORT_NAME},
        "periodSeconds": period_seconds,
        "timeoutSeconds": timeout_seconds,
        "failureThreshold": failures,
    }


def pre_stop(times: Ending) -> dict[str, Any]:
    """The container's ``lifecycle``; the sleep action is on by default since Kubernetes 1.30."""
    return {"preStop": {"sleep": {"seconds": times.sleep_seconds}}}
