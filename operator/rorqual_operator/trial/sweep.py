"""What a calibration run does: which loads, against whom, as guidellm's command line. Pure."""

import json
from dataclasses import dataclass

from rorqual_engine.plan import Configuration
from rorqual_operator.kube import Object

MOST_LOADS = 6
DEFAULT_SEQUENCES = 64
"""Heaviest load where the engine's own default of sequences counts."""


class TrialError(Exception):
    """A calibration run that cannot be made, or gave nothing; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Loads of constant concurrency, one after another."""

    target: str
    """URL of one replica."""
    model: str
    """Name that it serves."""
    tokenizer: str
    """Directory, or name on the hub, of the tokenizer with which prompts are made."""
    input_tokens: int
    output_tokens: int
    concurrencies: tuple[int, ...]
    seconds: float
    """Of each load."""

    def arguments(self, report: str) -> list[str]:
        """Arguments of `guidellm` (0.8), which writes its report as JSON to that path."""
        values = {
            "backend": {
                "kind": "openai_http",
                "target": self.target,
                "model": self.model,
                "request_format": "/v1/completions",
            },
            "profile": {"kind": "concurrent", "streams": list(self.concurrencies)},
            "constraint": {"kind": "max_duration", "seconds": self.seconds},
            "tokenizer": {"kind": "huggingface_auto", "model": self.tokenizer},
            "data": {
                "kind": "synthetic_text",
                "prompt_tokens": self.input_tokens,
                "output_tokens": self.output_tokens,
            },
            "output": {"kind": "json", "path": report},
        }
        return ["run", "--disable-console", *(part for name, value in values.items() for part in _option(name, value))]


def _option(name: str, value: object) -> tuple[str, str]:
    return f"--{name}", json.dumps(value, separators=(",", ":"))


def loads_up_to(sequences: int | None) -> tuple[int, ...]:
    """At most MOST_LOADS concurrencies from 1 to the engine's most sequences, evenly spaced in their logarithm."""
    most = sequences or DEFAULT_SEQUENCES
    steps = min(MOST_LOADS, most.bit_length() + 1)
    spaced = {round(most ** (step / max(1, steps - 1))) for step in range(steps)}
    return tuple(sorted(spaced))


def pick_replica(pods: list[Object], port: int) -> tuple[str, str]:
    """Name and URL of one ready pod. Raises TrialError when none is."""
    ready = [pod for pod in pods if _ready(pod) and pod.get("status", {}).get("podIP")]
    if not ready:
        raise TrialError(f"none of {len(pods)} replicas is ready; a calibration run needs one that serves")
    chosen = min(ready, key=lambda pod: pod["metadata"]["name"])
    return chosen["metadata"]["name"], f"http://{chosen['status']['podIP']}:{port}"


def _ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    going = "deletionTimestamp" in pod["metadata"]
    return not going and any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def check_running(name: str, running: Configuration | None) -> Configuration:
    """What the replicas run with. Raises TrialError when that is not known."""
    if running is None:
        raise TrialError(f"{name}: its Deployment does not say what it runs with; wait until Rorqual has applied it")
    return running
