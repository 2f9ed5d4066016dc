"""Short ways to write a Snapshot: whatever a test does not name is usual and harmless."""

from typing import Any

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Configuration, Memory
from rorqual_engine.snapshot import EngineMetrics, Node, Pod, Quantiles, Service, ServiceKey, Snapshot, Workload

NOW = 1_800_000_000.0
H100 = "NVIDIA-H100-80GB-HBM3"
A100 = "NVIDIA-A100-SXM4-80GB"
L4 = "NVIDIA-L4"
LLAMA_8B = "meta-llama/Llama-3.1-8B-Instruct"
LLAMA_70B = "meta-llama/Llama-3.1-70B-Instruct"
RUNNING = Configuration(H100, 1, 100, 0.9, 8192)
"""What the services of these tests run: 100 sequences at once, so the default target of 80 % is 80."""


def a_spec(model: str | dict[str, Any] = LLAMA_8B, gpus: tuple[str, ...] = (H100,), **parts: Any) -> LLMServiceSpec:
    """A spec by its parts as a manifest writes them, such as ``scaling={"maxReplicas": 4}``."""
    body = {
        "model": {"name": model} if isinstance(model, str) else model,
        "hardware": [{"gpu": gpu} for gpu in gpus],
        **parts,
    }
    return LLMServiceSpec.model_validate(body)


def scaled(**scaling: Any) -> LLMServiceSpec:
    """A spec with fields of `scaling`, and room for many replicas."""
    return a_spec(scaling={"maxReplicas": 100, **scaling})


def some_metrics(running: float = 0, waiting: float = 0, age: float = 0, **more: Any) -> EngineMetrics:
    return EngineMetrics(observed_at=NOW - age, source="scrape", running=running, waiting=waiting, **more)


def a_pod(name: str = "pod-0", node: str | None = "node-0", **more: Any) -> Pod:
    """A ready pod with idle, fresh metrics."""
    usual: dict[str, Any] = {
        "created_at": NOW - 3600,
        "phase": "Running",
        "ready": True,
        "metrics": some_metrics(),
    }
    return Pod(name=name, node=node, **{**usual, **more})


def pods_with(*loads: EngineMetrics | None) -> tuple[Pod, ...]:
    """One ready pod for each of these metrics."""
    return tuple(a_pod(f"pod-{index}", metrics=metrics) for index, metrics in enumerate(loads))


def busy(count: int, running: float, waiting: float = 0, **more: Any) -> tuple[Pod, ...]:
    """So many ready pods with the same load."""
    return pods_with(*[some_metrics(running, waiting, **more)] * count)


def a_starting_pod(name: str, node: str | None = None) -> Pod:
    return a_pod(name, node, phase="Pending", ready=False, metrics=None)


def a_workload(replicas: int = 1, configuration: Configuration | None = RUNNING, **more: Any) -> Workload:
    return Workload(replicas, configuration, **{"rolled_out": True, **more})


def a_service(
    spec: LLMServiceSpec | None = None, pods: tuple[Pod, ...] = (), name: str = "chat", **more: Any
) -> Service:
    """A service that runs RUNNING with as many replicas as it has pods, and has done so for a day."""
    usual: dict[str, Any] = {
        "key": ServiceKey("llm", name),
        "uid": name,
        "generation": 1,
        "created_at": NOW - 86400,
        "spec": spec or a_spec(),
        "pods": pods,
        "workload": a_workload(len(pods)),
        "memory": settled(),
    }
    return Service(**{**usual, **more})


def settled(configuration: Configuration = RUNNING, **more: Any) -> Memory:
    """What is remembered of a service that has run its configuration for a while."""
    usual = {"known_since": NOW - 86400, "configured_generation": 1, "configured": configuration}
    return Memory(**{**usual, **more})


def a_new_service(spec: LLMServiceSpec | None = None, name: str = "chat", **more: Any) -> Service:
    """A service that has nothing yet."""
    return a_service(spec, name=name, **{"workload": None, "memory": Memory(), **more})


def a_node(name: str = "node-0", gpus: int = 8, used: int = 0, gpu: str | None = H100, **more: Any) -> Node:
    return Node(name, gpu, gpus, used, **more)


def a_snapshot(*services: Service, nodes: tuple[Node, ...] | None = None) -> Snapshot:
    """These services on one large node, unless others are given."""
    return Snapshot(services, (a_node(gpus=1000),) if nodes is None else nodes)


def quantiles(seconds: float) -> Quantiles:
    """All quantiles at one value."""
    return Quantiles(seconds, seconds, seconds, seconds)
