"""The pod template of one service's engine."""

from typing import Any

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Configuration
from rorqual_operator.act.render import accelerators
from rorqual_operator.act.render.identity import GROUP, Owner, labels
from rorqual_operator.act.render.lifecycle import Ending, ending, pre_stop, probes
from rorqual_operator.act.render.ports import PORT, PORT_NAME
from rorqual_operator.act.render.runtime import Runtime
from rorqual_operator.act.render.source import Weights, secret_environment, weights
from rorqual_operator.act.render.template import CONTAINER, overlay

SHARED_MEMORY = "shared-memory"


def pod_template(owner: Owner, spec: LLMServiceSpec, configuration: Configuration, runtime: Runtime) -> dict[str, Any]:
    """The Deployment's ``spec.template``. It depends on nothing that does not concern the pods.

    Raises RenderError.
    """
    loaded = weights(spec.model)
    times = ending(runtime, spec)
    ours = _pod_spec(spec, configuration, runtime, loaded, times)
    pod_spec = overlay(ours, spec.template, accelerators.limits(spec.sharing, configuration))
    pod_spec["affinity"] = accelerators.on_product(pod_spec.get("affinity"), configuration.gpu)
    return {"metadata": _metadata(owner, spec, runtime), "spec": pod_spec}


def _metadata(owner: Owner, spec: LLMServiceSpec, runtime: Runtime) -> dict[str, Any]:
    scrape = {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(PORT),
        "prometheus.io/path": runtime.metrics_path,
        "kubectl.kubernetes.io/default-container": CONTAINER,
    }
    given = spec.template.metadata
    return {
        "labels": {**given.labels, **labels(owner, spec)},
        "annotations": {**scrape, **given.annotations, f"{GROUP}/model": spec.model.name},
    }


def _pod_spec(
    spec: LLMServiceSpec, configuration: Configuration, runtime: Runtime, loaded: Weights, times: Ending
) -> dict[str, Any]:
    several = configuration.gpus > 1
    volumes = [*loaded.volumes, *(_shared_memory() if several else ())]
    found = {
        "containers": [_container(spec, configuration, runtime, loaded, times)],
        "terminationGracePeriodSeconds": times.grace_seconds,
        # The engine asks nothing of the Kubernetes API.
        "automountServiceAccountToken": False,
        # A Service named vllm would set VLLM_PORT to a URL, which vLLM cannot read.
        "enableServiceLinks": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "tolerations": [dict(accelerators.TOLERATION)],
    }
    lists = {"volumes": volumes, "resourceClaims": accelerators.pod_claims(spec.sharing)}
    return {**found, **{name: items for name, items in lists.items() if items}}


def _container(
    spec: LLMServiceSpec, configuration: Configuration, runtime: Runtime, loaded: Weights, times: Ending
) -> dict[str, Any]:
    secrets = secret_environment(spec.model)
    shared = [{"name": SHARED_MEMORY, "mountPath": "/dev/shm"}] if configuration.gpus > 1 else []
    found = {
        "name": CONTAINER,
        "image": runtime.image(spec),
        "command": runtime.command(spec, loaded),
        "args": runtime.arguments(spec, configuration, loaded, times.drain_seconds),
        "ports": [{"name": PORT_NAME, "containerPort": PORT, "protocol": "TCP"}],
        "resources": accelerators.container_resources(spec.sharing, configuration),
        **probes(runtime),
        "lifecycle": pre_stop(times),
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    lists = {
        "env": [*loaded.env, *secrets.get("env", ())],
        "envFrom": secrets.get("envFrom", []),
        "volumeMounts": [*loaded.mounts, *shared],
    }
    return {**found, **{name: items for name, items in lists.items() if items}}


def _shared_memory() -> list[dict[str, Any]]:
    # NCCL and vLLM's workers talk through shared memory; a container's own default is 64 MiB.
    return [{"name": SHARED_MEMORY, "emptyDir": {"medium": "Memory"}}]
