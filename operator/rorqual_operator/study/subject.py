"""The service whose scaling is simulated."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.fleet import Inventory
from rorqual_engine.plan import Stall
from rorqual_engine.simulation.facts import facts_of
from rorqual_engine.simulation.policy import Facts
from rorqual_engine.sizing.recommend import read_case, recommend
from rorqual_operator.service_file import ServiceFileError, one_service, read_documents, validated
from rorqual_operator.study.errors import StudyError

DEFAULT: dict[str, Any] = {
    "model": {"name": "meta-llama/Llama-3.1-8B-Instruct", "maxContextTokens": 8192},
    "hardware": [{"gpu": "NVIDIA-H100-80GB-HBM3"}],
    "objectives": {"ttft": {"p95": "2s"}, "tpot": {"p95": "50ms"}},
    "scaling": {"minReplicas": 1, "maxReplicas": 8},
}
"""As manifests/samples/chat.yaml, on its first GPU."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A sized service."""

    name: str
    model: str
    spec: LLMServiceSpec
    facts: Facts
    gpu_hour: float | None
    """Price of one GPU for one hour, where the spec tells it."""


def read_subject(file: Path | None, startup_seconds: float) -> Subject:
    """The service in the file, or the default one; StudyError where there is none that can be simulated."""
    try:
        body = {"spec": DEFAULT} if file is None else one_service(file, read_documents(file))
        name = (body.get("metadata") or {}).get("name", "chat")
        return _sized(str(name), validated(body.get("spec")), startup_seconds)
    except ServiceFileError as error:
        raise StudyError(str(error)) from error


def _sized(name: str, spec: LLMServiceSpec, startup_seconds: float) -> Subject:
    try:
        facts = facts_of(spec, startup_seconds)
    except ValueError as error:
        raise StudyError(f"{name}: {error}") from error
    if isinstance(facts, Stall):
        raise StudyError(f"{name}: {facts.reason}: {facts.message}")
    return Subject(name, spec.model.name, spec, facts, _price(spec))


def _price(spec: LLMServiceSpec) -> float | None:
    """Of the GPU that the recommendation is for."""
    case = read_case(spec, Inventory.of(()), None)
    found = case if isinstance(case, Stall) else recommend(case)
    if isinstance(found, Stall):
        return None
    prices = {entry.gpu: entry.cost_per_hour for entry in spec.hardware}
    price = prices.get(found.configuration.gpu)
    return None if price is None else float(price)
