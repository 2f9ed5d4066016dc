"""Which configuration a service is to have now: a recommendation is not a reason to restart engines."""

from dataclasses import dataclass

from rorqual_engine.fleet import Inventory
from rorqual_engine.plan import Configuration, Reason, Recommendation, Stall
from rorqual_engine.sizing.recommend import Case, holds, read_case, recommend
from rorqual_engine.snapshot import Service


@dataclass(frozen=True, slots=True)
class Sizing:
    """The configuration to have, why, and what would be recommended."""

    configuration: Configuration
    reason: Reason
    recommendation: Recommendation | None

    @property
    def explanation(self) -> str:
        """The budget that the configuration came from; empty when it is not what is recommended now."""
        if self.recommendation is None or self.recommendation.configuration != self.configuration:
            return ""
        return self.recommendation.explanation


def size(service: Service, inventory: Inventory) -> Sizing | Stall:
    """The configuration that a service is to have.

    It changes when the spec does, not when the catalog or the nodes do. After a restart of the operator, which forgets
    what a configuration was decided for, what runs is kept while the spec allows it.
    """
    running = service.workload.configuration if service.workload else None
    case = read_case(service.spec, inventory, running)
    if isinstance(case, Stall):
        return case
    recommendation = recommend(case)
    if isinstance(recommendation, Stall):
        return recommendation
    wanted = _under_mode(service, case, recommendation.configuration)
    configuration, reason = _settle(service, case, wanted)
    shown = None if service.spec.configuration.mode == "Off" else recommendation
    return Sizing(configuration, reason, shown)


def _under_mode(service: Service, case: Case, recommended: Configuration) -> Configuration:
    """The recommendation, or its GPUs and the pins alone where the mode leaves the rest to the engine."""
    if service.spec.configuration.mode in ("Auto", "Initial"):
        return recommended
    return Configuration(
        gpu=recommended.gpu,
        tensor_parallel=recommended.tensor_parallel,
        max_concurrent_sequences=case.pins.max_concurrent_sequences,
        gpu_memory_share=case.pins.gpu_memory_share,
        max_context_tokens=case.pins.max_context_tokens,
    )


def _settle(service: Service, case: Case, wanted: Configuration) -> tuple[Configuration, Reason]:
    memory = service.memory
    running = service.workload.configuration if service.workload else None
    if running is None:
        return wanted, Reason.INITIAL_CONFIGURATION
    if memory.configured is not None and memory.configured_generation == service.generation:
        return memory.configured, _reason_to_keep(service, memory.configured)
    if memory.configured_generation is None and _kept_after_restart(service, case, running, wanted):
        return running, _reason_to_keep(service, running)
    return wanted, _reason_to_keep(service, wanted)


def _kept_after_restart(service: Service, case: Case, running: Configuration, wanted: Configuration) -> bool:
    """What runs is valid; and where the engine's own defaults are wanted, it sets nothing else than the pins."""
    if service.spec.configuration.mode in ("Recommend", "Off"):
        bare = (running.max_concurrent_sequences, running.gpu_memory_share, running.max_context_tokens)
        if bare != (wanted.max_concurrent_sequences, wanted.gpu_memory_share, wanted.max_context_tokens):
            return False
    return holds(case, running)


def _reason_to_keep(service: Service, configuration: Configuration) -> Reason:
    if service.workload is not None and service.workload.configuration != configuration:
        return Reason.SPEC_CHANGED
    mode = service.spec.configuration.mode
    return Reason.RECOMMENDATION_ONLY if mode in ("Recommend", "Off") else Reason.INITIAL_CONFIGURATION
