"""Whether an engine fits a GPU product, on how many of them, and with which configuration."""

from dataclasses import dataclass, replace
from itertools import chain

from rorqual_engine.api.spec import LengthPercentiles, LLMServiceSpec
from rorqual_engine.catalog import GPU
from rorqual_engine.plan import Configuration, Replica
from rorqual_engine.sizing.engine import Engine
from rorqual_engine.sizing.memory import Budget, for_sequences, memory_budget
from rorqual_engine.sizing.pins import Pins
from rorqual_engine.sizing.replicas import staged_replicas, whole_replicas
from rorqual_engine.sizing.spread import Spread

MOST_SEQUENCES = 256
"""Most sequences at once unless pinned: vLLM's long-standing default; more rarely adds throughput and costs TPOT."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a replica is to hold, in tokens."""

    mean_tokens: int
    """Of one sequence that runs: prompt and whole output."""
    context_limit: int
    """Longest sequence that is asked for, or that the model allows."""
    least_tokens: int
    """Tokens that the KV cache must hold, or the configuration does not fit."""

    @classmethod
    def of(cls, spec: LLMServiceSpec, engine: Engine, pins: Pins) -> "Demand":
        """A pinned context must fit whole; otherwise twice the mean, for half of all sequences are longer than it.

        Where percentiles of lengths are told, so must the longest of them. A sequence that runs is a long one more
        often than not: an answer of N tokens runs N steps, so over those that run its mean is E[N^2] / E[N].
        """
        load = spec.workload
        answers = Spread.of(load.output_lengths, load.output_tokens)
        mean = load.input_tokens + round(load.output_tokens * answers.square)
        limit = pins.max_context_tokens or engine.facts.max_context_tokens
        longest = _longest(load.input_tokens, load.input_lengths) + _longest(load.output_tokens, load.output_lengths)
        least = limit if pins.max_context_tokens else min(limit, max(2 * mean, longest))
        return cls(min(mean, limit), limit, least)


def _longest(mean: int, told: LengthPercentiles | None) -> int:
    return max(mean, told.given()[-1][1]) if told else mean


@dataclass(frozen=True, slots=True)
class Fit:
    """A configuration that fits, with its memory."""

    configuration: Configuration
    budget: Budget


@dataclass(frozen=True, slots=True)
class Offer:
    """One alternative of hardware: GPUs of one product on one node."""

    gpu: GPU
    gpus_per_node: int
    packed: bool = False
    """The GPU is shared: take the smallest share that holds the workload, not all that is left."""
    cost_per_hour: float | None = None
    """Of one whole GPU."""
    max_replicas: int | None = None
    tier: int = 0
    """0 for what runs now, 1 for what the cluster has, 2 for the rest: a lower one is preferred at any price."""
    speed_share: float = 1.0
    """Part of the GPU's arithmetic and bandwidth that a slice of it has."""
    cost_share: float = 1.0
    """Part of the GPU's price that a slice of it is counted with."""


def fit(engine: Engine, demand: Demand, pins: Pins, offer: Offer) -> Fit | None:
    """The configuration on the fewest GPUs that fits, in stages only where no tensor parallel degree does; or None."""
    asked = (engine, pins, offer.gpu, offer.gpus_per_node)
    choices = chain(whole_replicas(*asked), staged_replicas(*asked))
    fits = (fit_on(engine, demand, pins, offer, one) for one in choices if one.gpus <= offer.gpus_per_node)
    return next((found for found in fits if found is not None), None)


def fit_on(engine: Engine, demand: Demand, pins: Pins, offer: Offer, replica: Replica) -> Fit | None:
    """The configuration on exactly those GPUs, or None when it does not fit.

    Working memory is counted for the most sequences first; with the number that the KV cache allows it is less, and
    what becomes free goes to the KV cache.
    """
    most = pins.max_concurrent_sequences or MOST_SEQUENCES
    whole = _budget(engine, offer.gpu, replica, most)
    share = _share(whole, demand, pins, offer, engine)
    first = replace(whole, share=share)
    if first.sure_tokens < demand.least_tokens:
        return None
    sequences = pins.max_concurrent_sequences or max(1, min(most, first.kv_tokens // demand.mean_tokens))
    budget = for_sequences(first, engine, offer.gpu, replica.tensor_parallel, sequences, replica.pipeline_parallel)
    configuration = Configuration(
        gpu=offer.gpu.product,
        tensor_parallel=replica.tensor_parallel,
        max_concurrent_sequences=sequences,
        gpu_memory_share=share,
        max_context_tokens=min(demand.context_limit, budget.sure_tokens),
        max_batched_tokens=engine.chosen_tokens,
        pipeline_parallel=replica.pipeline_parallel,
    )
    return Fit(configuration, budget)


def _share(whole: Budget, demand: Demand, pins: Pins, offer: Offer, engine: Engine) -> float:
    """The pin; on a shared GPU the least for the workload; else the default, raised when that is what makes it fit."""
    if pins.gpu_memory_share is not None:
        return pins.gpu_memory_share
    highest = whole.highest_share()
    least = whole.share_for(demand.least_tokens)
    if offer.packed:
        most = pins.max_concurrent_sequences or MOST_SEQUENCES
        return min(highest, max(least, whole.share_for(most * demand.mean_tokens)))
    return min(highest, max(engine.rules.default_share, least))


def _budget(engine: Engine, gpu: GPU, replica: Replica, sequences: int) -> Budget:
    """Of the whole GPU, by the memory law and by what was measured of such replicas of this service."""
    law = memory_budget(engine, gpu, replica.tensor_parallel, sequences, 1.0, replica.pipeline_parallel)
    seen = engine.measured
    if seen is None or seen.replica != replica:
        return law
    return replace(law, non_torch=law.non_torch + seen.bytes_each)
