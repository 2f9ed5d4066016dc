"""Which configuration a service is to have now: a recommendation is not a reason to restart engines."""

from dataclasses import dataclass, replace

from rorqual_engine.fleet import Inventory
from rorqual_engine.plan import Configuration, Reason, Recommendation, Sized, Stall
from rorqual_engine.sizing.capability import capability_of
from rorqual_engine.sizing.evidence import Evidence, learn
from rorqual_engine.sizing.objectives import answer_spread, prompt_spread
from rorqual_engine.sizing.pins import Pins
from rorqual_engine.sizing.recommend import NOTHING_LEARNED, Case, holds, leave_to_engine, read_case, recommend
from rorqual_engine.snapshot import Service, reported_cache_tokens
from rorqual_engine.timing import Capability


@dataclass(frozen=True, slots=True)
class Sizing:
    """The configuration to have, why, and what would be recommended."""

    configuration: Configuration
    reason: Reason
    recommendation: Recommendation | None
    capability: Capability | None = None
    """Of one replica of `configuration`; None when nothing is known of the GPU's speed."""
    sized: Sized | None = None
    """To be remembered."""

    @property
    def explanation(self) -> str:
        """The budget that the configuration came from; empty when it is not what is recommended now."""
        if self.recommendation is None or self.recommendation.configuration != self.configuration:
            return ""
        return self.recommendation.explanation


def size(service: Service, inventory: Inventory, now: float) -> Sizing | Stall:
    """The configuration that a service is to have.

    It changes when the spec does or the config.json that it names, not when the catalog or the nodes do. After a
    restart of the operator, which forgets what a configuration was decided for, what runs is kept while the spec
    allows it.
    """
    running = service.workload.configuration if service.workload else None
    evidence = _evidence(service, running, now)
    judged = _judge(service, inventory, running, evidence)
    if isinstance(judged, Stall):
        return judged
    mode = service.spec.configuration.mode
    if mode in ("Auto", "Initial"):
        configuration, reason = _settle(service, judged.case, judged.recommendation.configuration)
        recommendation: Recommendation | None = judged.recommendation
    else:
        bare = _bare(judged.possible.configuration, judged.case.pins)
        configuration, reason = _settle(service, judged.left, bare)
        recommendation = judged.recommendation if mode == "Recommend" else None
    sized = _sized(service, judged, configuration, evidence)
    return Sizing(configuration, reason, recommendation, sized.capability, sized)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What follows from the spec, the hardware and the evidence alone."""

    question: tuple[object, ...]
    case: Case
    recommendation: Recommendation
    left: Case
    """With what is not pinned left to the engine, where the mode says so."""
    possible: Recommendation


def _judge(
    service: Service, inventory: Inventory, running: Configuration | None, evidence: Evidence | None
) -> _Judged | Stall:
    """As remembered, where the question is the same."""
    spec, old = service.spec, service.memory.sized
    question = (running, service.model_config, evidence, inventory.kinds(kind.gpu for kind in spec.hardware))
    if old is not None and old.spec is spec and old.question == question and isinstance(old.answer, _Judged):
        return old.answer
    case = read_case(spec, inventory, running, service.model_config)
    if isinstance(case, Stall):
        return case
    recommendation = recommend(replace(case, evidence=evidence))
    if isinstance(recommendation, Stall):
        return recommendation
    mode = spec.configuration.mode
    if mode in ("Auto", "Initial"):
        return _Judged(question, case, recommendation, case, recommendation)
    left = leave_to_engine(case, mode)
    possible = recommend(left)
    return possible if isinstance(possible, Stall) else _Judged(question, case, recommendation, left, possible)


def _sized(service: Service, judged: _Judged, configuration: Configuration, evidence: Evidence | None) -> Sized:
    """To be remembered, with what a replica of the configuration can do."""
    old = service.memory.sized
    if old is not None and old.answer is judged and old.configuration == configuration:
        return old
    capability = _capability(judged.case, configuration, evidence)
    return Sized(service.spec, judged.question, judged, configuration, capability)


def _capability(case: Case, configuration: Configuration, evidence: Evidence | None) -> Capability | None:
    """By the law corrected by what its engines showed; by the law alone while another configuration runs."""
    if evidence is None or evidence.configuration != configuration:
        return capability_of(case, configuration)
    lesson = learn(case.engine, case.offers, evidence) if evidence.observations else NOTHING_LEARNED
    return capability_of(case, configuration, lesson, evidence.cache_tokens)


def _evidence(service: Service, running: Configuration | None, now: float) -> Evidence | None:
    """Of the engines that run, and of a calibration run of the same kind of replica."""
    if running is None:
        return None
    trial, memory = service.trial, service.memory
    same = trial is not None and trial.replica == running.replica
    tried = trial.observations if trial is not None and same else ()
    live = memory.observations if memory.observed == running else ()
    settled = service.workload is not None and service.workload.rolled_out
    reported = reported_cache_tokens(seen for _, seen in service.heard(now)) if settled else None
    # a calibration run sends prompts and answers that are all alike
    spreads = () if tried else (prompt_spread(service.spec), answer_spread(service.spec))
    return Evidence(running, (*tried, *live), reported, service.spec.workload.prefix_hit_rate, *spreads)


def _bare(configuration: Configuration, pins: Pins) -> Configuration:
    """Its GPUs and the pins alone: the rest is the engine's."""
    return replace(
        configuration,
        max_concurrent_sequences=pins.max_concurrent_sequences,
        gpu_memory_share=pins.gpu_memory_share,
        max_context_tokens=pins.max_context_tokens,
    )


def _same_wish(service: Service) -> bool:
    """Whether the configuration in memory was decided for this spec and this config.json."""
    memory = service.memory
    return (memory.configured_generation, memory.configured_model) == (service.generation, service.config_text)


def _settle(service: Service, case: Case, wanted: Configuration) -> tuple[Configuration, Reason]:
    """What was decided for this spec before; what runs, after a restart, if it may; else what is wanted now."""
    memory = service.memory
    running = service.workload.configuration if service.workload else None
    if running is None:
        return wanted, Reason.INITIAL_CONFIGURATION
    if memory.configured is not None and _same_wish(service):
        chosen = memory.configured
    elif memory.configured_generation is None and holds(case, running):
        chosen = running
    else:
        chosen = wanted
    if chosen != running:
        return chosen, Reason.SPEC_CHANGED
    engines_own = service.spec.configuration.mode in ("Recommend", "Off")
    return chosen, Reason.RECOMMENDATION_ONLY if engines_own else Reason.INITIAL_CONFIGURATION
