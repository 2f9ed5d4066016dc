"""guidellm as a Job beside the replica. Its points come back in the container's termination message (at most 4 KiB)."""

import asyncio
import json
import shlex
from importlib import resources
from typing import Any

from rorqual_operator.kube import PODS, Kube, Object, Resource
from rorqual_operator.trial.sweep import Sweep, TrialError

JOBS = Resource("batch", "v1", "jobs", "Job")
IMAGE = "ghcr.io/vllm-project/guidellm:v0.8.1"
POLL_SECONDS = 2.0
START_SECONDS = 600.0
"""For the image to arrive, beside the loads themselves."""


def manifest(sweep: Sweep, service: Object, name: str, image: str) -> Object:
    """The Job; it belongs to the service, is tried once and goes away an hour after it ended."""
    metadata = service["metadata"]
    labels = {"app.kubernetes.io/managed-by": "rorqual", "app.kubernetes.io/component": "calibration"}
    owner = {
        **{key: service[key] for key in ("apiVersion", "kind")},
        **{key: metadata[key] for key in ("name", "uid")},
    }
    container = {
        "name": "guidellm",
        "image": image,
        "command": ["sh", "-ec", script(sweep)],
        "env": [{"name": "HOME", "value": "/tmp"}],
    }
    pod = {"restartPolicy": "Never", "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": metadata["namespace"], "labels": labels, "ownerReferences": [owner]},
        "spec": {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": 3600,
            "activeDeadlineSeconds": int(deadline_seconds(sweep)),
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def script(sweep: Sweep) -> str:
    """Runs guidellm, and writes the points where the kubelet reads them."""
    reduction = resources.files("rorqual_operator.trial").joinpath("reduction.py").read_text("utf-8")
    return "\n".join(
        [
            f"guidellm {shlex.join(sweep.arguments('/tmp/report.json'))}",
            f"python3 -c {shlex.quote(reduction)} /tmp/report.json > /dev/termination-log",
        ]
    )


def deadline_seconds(sweep: Sweep) -> float:
    return START_SECONDS + len(sweep.concurrencies) * (sweep.seconds + 30)


async def run_there(kube: Kube, sweep: Sweep, service: Object, name: str, image: str) -> list[dict[str, float]]:
    """Creates the Job, waits for its end, and returns its points. Raises TrialError or KubeError."""
    namespace = service["metadata"]["namespace"]
    await kube.create(JOBS, namespace, manifest(sweep, service, name, image))
    for _ in range(int(deadline_seconds(sweep) / POLL_SECONDS) + 1):
        found = await kube.list(PODS, namespace, labelSelector=f"job-name={name}")
        if (points := ended(found["items"])) is not None:
            return points
        await asyncio.sleep(POLL_SECONDS)
    raise TrialError(f"Job {namespace}/{name} did not end within {deadline_seconds(sweep):.0f} s")


def ended(pods: list[Object]) -> list[dict[str, float]] | None:
    """The points of a pod that has ended; None while it runs. Raises TrialError when it failed."""
    statuses = [status for pod in pods for status in pod.get("status", {}).get("containerStatuses") or []]
    over: list[dict[str, Any]] = [done for s in statuses if (done := s.get("state", {}).get("terminated")) is not None]
    if not over:
        return None
    message = over[0].get("message", "")
    if over[0].get("exitCode") != 0:
        raise TrialError(f"guidellm failed ({over[0].get('exitCode')}): {message or 'see the log of its pod'}")
    points: list[dict[str, float]] = json.loads(message)
    return points
