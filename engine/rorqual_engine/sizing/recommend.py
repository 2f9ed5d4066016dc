"""The configuration that a spec gets on this cluster, or why there is none."""

from dataclasses import dataclass, replace

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.fleet import Inventory
from rorqual_engine.plan import Configuration, Reason, Recommendation, Replica, Stall
from rorqual_engine.sizing.alternative import Alternative
from rorqual_engine.sizing.engine import Engine, describe_engine
from rorqual_engine.sizing.evidence import Evidence, Lesson, learn
from rorqual_engine.sizing.explain import describe_expectation, explain_impossible, price_of_pins, why_not
from rorqual_engine.sizing.fit import Demand, Fit, Offer, fit, fit_on
from rorqual_engine.sizing.memory import Budget, memory_budget
from rorqual_engine.sizing.objectives import CONFIDENCE, Objective, answer_spread, prompt_spread, read_objectives
from rorqual_engine.sizing.offers import list_offers
from rorqual_engine.sizing.pins import Pins, read_pins
from rorqual_engine.sizing.question import Question
from rorqual_engine.sizing.replicas import splits, stages_refused, whole_replicas
from rorqual_engine.sizing.search import Answer, search
from rorqual_engine.sizing.spread import UNTOLD, Spread
from rorqual_engine.snapshot import ModelConfig
from rorqual_engine.units import GIB

NOTHING_LEARNED = Lesson()
_LONGER_CONTEXT = ("--hf-overrides", "--rope-scaling")
"""Arguments of vLLM with which a model takes longer sequences than it was made for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The workload, and what good service means for it."""

    input_tokens: int
    output_tokens: int
    requests_per_second: float | None = None
    max_replicas: int | None = None
    objectives: tuple[Objective, ...] = ()
    confidence: float = CONFIDENCE
    prefix_hit_rate: float = 0.0
    prompts: Spread = UNTOLD
    answers: Spread = UNTOLD

    @classmethod
    def of(cls, spec: LLMServiceSpec) -> "Wish":
        load = spec.workload
        most = spec.scaling.max_replicas if spec.scaling.mode == "Internal" else None
        return cls(
            *(load.input_tokens, load.output_tokens, load.requests_per_second, most, read_objectives(spec)),
            prefix_hit_rate=load.prefix_hit_rate,
            prompts=prompt_spread(spec),
            answers=answer_spread(spec),
        )


@dataclass(frozen=True, slots=True)
class Case:
    """A spec on a cluster, read for sizing: everything that a recommendation follows from."""

    engine: Engine
    pins: Pins
    demand: Demand
    offers: tuple[Offer, ...]
    wish: Wish
    evidence: Evidence | None = None
    """Of this service's engines."""
    lesson: Lesson = NOTHING_LEARNED
    defaults: frozenset[str] = frozenset()
    """Pins that are only the engine's own defaults, and so are not to be set."""

    def with_confidence(self, confidence: float) -> "Case":
        return replace(self, wish=replace(self.wish, confidence=confidence))


def read_case(
    spec: LLMServiceSpec, inventory: Inventory, running: Configuration | None, config: ModelConfig | None = None
) -> Case | Stall:
    """What sizing needs of a spec, or the first thing that keeps it from being sized."""
    pins = read_pins(spec)
    if isinstance(pins, Stall):
        return pins
    engine = describe_engine(spec, pins.max_batched_tokens, config)
    if isinstance(engine, Stall):
        return engine
    if _beyond_model(spec, engine, pins):
        return _too_long(engine, pins)
    offers = list_offers(spec, inventory, running)
    if isinstance(offers, Stall):
        return offers
    return Case(engine, pins, Demand.of(spec, engine, pins), tuple(offers), Wish.of(spec))


def recommend(case: Case) -> Recommendation | Stall:
    """What `recommend_by_law` says of the case corrected by its evidence; uncorrected, when the correction forbids all.

    A Stall never comes of evidence: what runs has shown that it can.
    """
    lesson = learn(case.engine, case.offers, case.evidence) if case.evidence else NOTHING_LEARNED
    taught = replace(case, engine=replace(case.engine, measured=lesson.memory), lesson=lesson)
    found = recommend_by_law(taught)
    if isinstance(found, Stall) and lesson.memory is not None:
        found = recommend_by_law(case)
    if isinstance(found, Stall):
        return found
    known = lesson.taught(found.configuration.replica)
    return replace(found, calibrated=known, calibration_refused=lesson.refused)


def recommend_by_law(case: Case) -> Recommendation | Stall:
    """The cheapest alternative that keeps the objectives; without objectives the first that fits, on the fewest GPUs.

    So also when nothing is known of the speed of any GPU, which the recommendation then says. A Stall of
    ConflictingPins or ModelTooLarge when nothing fits.
    """
    refused = _refused_pins(case)
    if refused is not None:
        return refused
    found = _first_fit(case)
    if found is None:
        return _no_fit(case)
    answer = search(ask(case)) if case.wish.objectives else None
    if answer is None or answer.best is None:
        return _by_memory(case, *found)
    return _by_search(case, answer, answer.best)


def ask(case: Case) -> Question:
    """The case as a question to the search."""
    wish = case.wish
    return Question(
        engine=case.engine,
        pins=case.pins,
        demand=case.demand,
        offers=case.offers,
        input_tokens=wish.input_tokens,
        output_tokens=wish.output_tokens,
        prefix_hit_rate=wish.prefix_hit_rate,
        prompts=wish.prompts,
        answers=wish.answers,
        objectives=wish.objectives,
        requests_per_second=wish.requests_per_second,
        max_replicas=wish.max_replicas,
        confidence=wish.confidence,
        calibration=case.lesson.calibration,
    )


def _first_fit(case: Case) -> tuple[Offer, Fit] | None:
    for offer in case.offers:
        found = fit(case.engine, case.demand, case.pins, offer)
        if found is not None:
            return offer, found
    return None


def _by_memory(case: Case, offer: Offer, found: Fit) -> Recommendation:
    """What fits, with what it is expected to do where the law knows the GPU."""
    configuration = found.configuration
    pins = replace(
        case.pins,
        tensor_parallel=configuration.tensor_parallel,
        pipeline_parallel=configuration.pipeline_parallel,
        gpu_memory_share=configuration.gpu_memory_share,
        max_concurrent_sequences=configuration.max_concurrent_sequences,
    )
    wish = replace(case.wish, objectives=())
    best = search(ask(replace(case, pins=pins, offers=(offer,), wish=wish))).best
    recommendation = _recommendation(case, found)
    if best is None and case.wish.objectives:
        gpus = ", ".join(offer.gpu.product for offer in case.offers)
        told = f"chosen by memory alone: the catalog does not tell bandwidth and arithmetic of {gpus}"
        return replace(
            recommendation,
            problem=Reason.SPEED_UNKNOWN,
            explanation=f"{recommendation.explanation}; {told}, so the objectives cannot be checked",
        )
    return replace(recommendation, expected=best.expected if best else None)


def _by_search(case: Case, answer: Answer, best: Alternative) -> Recommendation:
    found = by_answer(case, answer, best)
    return replace(found, pins=(*found.pins, *price_of_pins(ask(case), best)))


def by_answer(case: Case, answer: Answer, best: Alternative) -> Recommendation:
    """An answer to the case as its recommendation, without what pins cost."""
    recommendation = replace(_recommendation(case, best.fit), expected=best.expected)
    told = describe_expectation(best.expected) if best.meets else explain_impossible(ask(case), answer)
    others = [
        *(f"{other.name}: {why_not(best, other)}" for other in answer.alternatives[1:]),
        *map(str, answer.rejected),
    ]
    return replace(
        recommendation,
        problem=None if best.meets else Reason.OBJECTIVES_OUT_OF_REACH,
        explanation=f"{recommendation.explanation}; {told}",
        rejected=tuple(others),
    )


def leave_to_engine(case: Case, mode: str) -> Case:
    """The same case where what is not pinned is the engine's own default.

    Then the KV cache must hold the model's longest sequence, or the engine refuses to start.
    """
    pins, rules = case.pins, case.engine.rules
    sequences = max(rules.batch_defaults(offer.gpu.batch_class).sequences for offer in case.offers)
    own = frozenset(name for name in ("gpu_memory_share", "max_concurrent_sequences") if name not in pins.origins)
    whole = replace(
        pins,
        gpu_memory_share=pins.gpu_memory_share or rules.default_share,
        max_concurrent_sequences=pins.max_concurrent_sequences or sequences,
        origins={**pins.origins, **dict.fromkeys(sorted(own), f"the engine's default with configuration.mode {mode}")},
    )
    demand = replace(case.demand, least_tokens=case.demand.context_limit)
    wish = replace(case.wish, objectives=())  # nothing is left to choose but GPUs, and the fewest are right
    return replace(case, pins=whole, demand=demand, defaults=own, wish=wish)


def holds(case: Case, running: Configuration) -> bool:
    """Whether a running configuration is one that the case allows: its pins, its hardware, and it fits.

    Whether a node now has so many GPUs does not count: it runs, and a node that is drained comes back.
    """
    offer = next((offer for offer in case.offers if offer.gpu.product == running.gpu), None)
    if offer is None or not _runs(case.engine, running) or not _keeps_pins(case, running):
        return False
    fixed = replace(
        case.pins,
        gpu_memory_share=running.gpu_memory_share or case.engine.rules.default_share,
        max_concurrent_sequences=running.max_concurrent_sequences or case.pins.max_concurrent_sequences,
    )
    return fit_on(case.engine, case.demand, fixed, offer, running.replica) is not None


def _runs(engine: Engine, running: Configuration) -> bool:
    return splits(engine, running.tensor_parallel) and not stages_refused(engine, running.pipeline_parallel)


def _keeps_pins(case: Case, running: Configuration) -> bool:
    """Pinned fields have the pinned value; those that are the engine's own are not set."""
    pins = replace(case.pins, pipeline_parallel=case.pins.stages)
    names = ("gpu_memory_share", "max_concurrent_sequences", "max_context_tokens")
    for name in ("tensor_parallel", "pipeline_parallel", *names):
        pin, value = getattr(pins, name), getattr(running, name)
        wanted = None if name in case.defaults else pin
        if (wanted is not None or name in case.defaults) and value != wanted:
            return False
    return True


def _recommendation(case: Case, found: Fit) -> Recommendation:
    configuration, budget = found.configuration, found.budget
    return Recommendation(
        configuration=configuration,
        kv_cache_tokens=budget.kv_tokens,
        pins=case.pins.describe(),
        explanation=(
            f"{configuration.replica}, on each: {budget.explanation}; "
            f"{configuration.max_concurrent_sequences} sequences, {case.demand.mean_tokens:,} tokens each on average; "
            f"context {_context(case, configuration)}"
        ),
    )


def _context(case: Case, configuration: Configuration) -> str:
    tokens = configuration.max_context_tokens or 0
    lowered = tokens < case.demand.context_limit
    return f"{tokens:,} tokens" + (f", lowered from {case.demand.context_limit:,} to fit" if lowered else "")


def _no_fit(case: Case) -> Stall:
    """ConflictingPins when it would fit without the pins, else ModelTooLarge."""
    free = Pins(max_context_tokens=case.pins.max_context_tokens, max_batched_tokens=case.pins.max_batched_tokens)
    for offer in case.offers:
        found = fit(case.engine, case.demand, free, offer)
        if found is not None:
            return _conflict(case, found, offer)
    return _too_large(case)


def _refused_pins(case: Case) -> Stall | None:
    """What the model cannot be divided into, on any GPUs."""
    uneven, stages = _uneven_heads(case), case.pins.pipeline_parallel
    refused = stages_refused(case.engine, stages) if stages else ""
    if uneven is not None or not refused:
        return uneven
    return Stall(Reason.CONFLICTING_PINS, f"{case.pins.origins['pipeline_parallel']}: {refused}")


def _uneven_heads(case: Case) -> Stall | None:
    count, facts = case.pins.tensor_parallel, case.engine.facts
    if count is None or splits(case.engine, count):
        return None
    return Stall(
        Reason.CONFLICTING_PINS,
        f"{case.pins.origins['tensor_parallel']}: {count} GPUs cannot share the {facts.attention_heads} attention "
        f"heads and {facts.kv_heads} key/value heads of {case.engine.name} evenly",
    )


def _beyond_model(spec: LLMServiceSpec, engine: Engine, pins: Pins) -> bool:
    extended = any(flag in argument for argument in spec.engine.extra_args for flag in _LONGER_CONTEXT)
    return (pins.max_context_tokens or 0) > engine.facts.max_context_tokens and not extended


def _too_long(engine: Engine, pins: Pins) -> Stall:
    return Stall(
        Reason.CONFLICTING_PINS,
        f"{pins.origins['max_context_tokens']}: {pins.max_context_tokens:,} tokens are more than the "
        f"{engine.facts.max_context_tokens:,} that {engine.name} was made for, and engine.extraArgs has none of "
        f"{', '.join(_LONGER_CONTEXT)}, which extend them",
    )


def _conflict(case: Case, found: Fit, offer: Offer) -> Stall:
    pins, free = case.pins, found.configuration
    fixed = [text for name, text in zip(pins.origins, pins.describe(), strict=True) if name != "max_context_tokens"]
    replica = _pinned_replica(case, offer) if pins.stages else free.replica
    budget = _budget(case, offer, replica)
    needed = budget.needed(case.demand.least_tokens) / GIB
    stages = f" in {replica.pipeline_parallel} stages" if replica.pipeline_parallel > 1 else ""
    return Stall(
        Reason.CONFLICTING_PINS,
        f"{'; '.join(fixed)}: on {replica.gpus} of the {offer.gpus_per_node} {offer.gpu.product} of a node{stages} "
        f"{case.engine.name} needs {needed:.1f} of {budget.total / GIB:.1f} GiB on each, a share of "
        f"{budget.share_for(case.demand.least_tokens):.2f}. Without these pins it fits with {_advice(free)}",
    )


def _pinned_replica(case: Case, offer: Offer) -> Replica:
    """The largest that the pins leave."""
    return whole_replicas(case.engine, case.pins, offer.gpu, offer.gpus_per_node)[-1]


def _advice(free: Configuration) -> str:
    stages = f", pipelineParallel {free.pipeline_parallel}" if free.pipeline_parallel > 1 else ""
    return f"tensorParallel {free.tensor_parallel}{stages} and gpuMemoryShare {free.gpu_memory_share:g}"


def _too_large(case: Case) -> Stall:
    offer = max(case.offers, key=lambda offer: offer.gpu.usable_bytes * offer.gpus_per_node)
    count = offer.gpus_per_node
    budget = _budget(case, offer, Replica(offer.gpu.product, count))
    tokens = case.demand.least_tokens
    shorter = "" if budget.weights > budget.total else "; a smaller model.maxContextTokens needs less"
    return Stall(
        Reason.MODEL_TOO_LARGE,
        f"{case.engine.name} needs {budget.weights * count / GIB:.0f} GiB for weights alone, and "
        f"{budget.needed(tokens) * count / GIB:.0f} GiB with working memory and a KV cache of {tokens:,} tokens; "
        f"the largest offered, {count} x {offer.gpu.product} in one node, has {budget.total * count / GIB:.0f} GiB"
        f"{shorter}",
    )


def _budget(case: Case, offer: Offer, replica: Replica) -> Budget:
    sequences, share = case.pins.max_concurrent_sequences or 1, case.pins.gpu_memory_share or 1.0
    degrees = (replica.tensor_parallel, sequences, share, replica.pipeline_parallel)
    return memory_budget(case.engine, offer.gpu, *degrees)
