"""The Deployment of one service's engine."""

from copy import deepcopy
from typing import Any

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Configuration
from rorqual_operator.act.render.configuration import ANNOTATION, write_configuration
from rorqual_operator.act.render.identity import GROUP, Owner, metadata, pod_selector
from rorqual_operator.act.render.lifecycle import PROGRESS_SECONDS
from rorqual_operator.act.render.pod import pod_template
from rorqual_operator.act.render.runtime import Runtime

STRATEGY = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}}
"""Up to three replicas, none ends before its successor serves, since loading a model takes minutes; that needs GPUs
for one more replica for a while, and without them the rollout waits while the old replicas go on serving. From four
replicas on, 25 % may be missing, so that a rollout also comes through on a full cluster."""


def deployment(owner: Owner, spec: LLMServiceSpec, configuration: Configuration, runtime: Runtime) -> dict[str, Any]:
    """The Deployment, without spec.replicas: their number is applied by the scaler under its own field manager."""
    annotations = {
        ANNOTATION: write_configuration(configuration),
        f"{GROUP}/generation": str(owner.generation),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(owner, spec, annotations),
        "spec": {
            "selector": {"matchLabels": pod_selector(owner.name)},
            "strategy": deepcopy(STRATEGY),
            "progressDeadlineSeconds": PROGRESS_SECONDS,
            "revisionHistoryLimit": 3,
            "template": pod_template(owner, spec, configuration, runtime),
        },
    }
