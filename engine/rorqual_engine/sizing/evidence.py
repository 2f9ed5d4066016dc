"""What is known of one service's running engines, and what follows for the laws of memory and of performance."""

from dataclasses import dataclass, replace

from rorqual_engine.observation import Observation
from rorqual_engine.plan import Configuration, Replica
from rorqual_engine.sizing.calibration import Calibration, Refusal, calibrate
from rorqual_engine.sizing.engine import Engine, MeasuredMemory
from rorqual_engine.sizing.fit import Offer
from rorqual_engine.sizing.memory import memory_budget
from rorqual_engine.sizing.speed import setting_of
from rorqual_engine.sizing.spread import UNTOLD, Spread
from rorqual_engine.units import GIB

MOST_MEMORY_ERROR = 0.25
"""Share of a GPU's memory that a reported KV cache may differ by from the law before something else is the matter."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What running engines of one configuration showed."""

    configuration: Configuration
    observations: tuple[Observation, ...] = ()
    cache_tokens: int | None = None
    """KV cache that the engine reported after start."""
    prefix_hit_rate: float = 0.0
    """Share of the prompts' tokens that the prefix cache held, as the spec says: for observations that do not tell."""
    prompts: Spread = UNTOLD
    answers: Spread = UNTOLD


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned of it."""

    calibration: Calibration | None = None
    memory: MeasuredMemory | None = None
    refused: str = ""
    """Why evidence, or part of it, is not believed."""

    def taught(self, replica: Replica) -> bool:
        """Whether it is about such replicas."""
        about = [lesson for lesson in (self.calibration, self.memory) if lesson is not None]
        return any(lesson.replica == replica for lesson in about)


def learn(engine: Engine, offers: tuple[Offer, ...], evidence: Evidence) -> Lesson:
    """The lesson of the evidence; empty when the GPU that runs is not among the offers."""
    ran = evidence.configuration
    offer = next((offer for offer in offers if offer.gpu.product == ran.gpu), None)
    if offer is None:
        return Lesson()
    speed = _learn_speed(engine, offer, evidence)
    memory = _learn_memory(engine, offer, evidence)
    refusals = [lesson.message for lesson in (speed, memory) if isinstance(lesson, Refusal)]
    dropped = list(speed.dropped) if isinstance(speed, Calibration) else []
    return Lesson(
        calibration=speed if isinstance(speed, Calibration) else None,
        memory=memory if isinstance(memory, MeasuredMemory) else None,
        refused="; ".join([*refusals, *dropped]),
    )


def _learn_speed(engine: Engine, offer: Offer, evidence: Evidence) -> Calibration | Refusal | None:
    ran = evidence.configuration
    if not evidence.observations:
        return None
    pace = (ran.gpu_memory_share or 1.0) if offer.packed else offer.speed_share
    batched = replace(engine, batched_tokens=ran.max_batched_tokens or engine.batched_tokens)
    sequences = ran.max_concurrent_sequences or engine.rules.batch_defaults(offer.gpu.batch_class).sequences
    setting = setting_of(batched, offer.gpu, ran.tensor_parallel, sequences, pace, ran.pipeline_parallel)
    if setting is None:
        return None
    return calibrate(setting, evidence.observations, evidence.prefix_hit_rate, evidence.prompts, evidence.answers)


def _learn_memory(engine: Engine, offer: Offer, evidence: Evidence) -> MeasuredMemory | Refusal | None:
    """The difference between the law's KV cache and the reported one, as bytes of other use on each GPU."""
    ran, tokens = evidence.configuration, evidence.cache_tokens
    if tokens is None or offer.packed:
        return None
    sequences = ran.max_concurrent_sequences or engine.rules.batch_defaults(offer.gpu.batch_class).sequences
    share = ran.gpu_memory_share or engine.rules.default_share
    batched = replace(engine, batched_tokens=ran.max_batched_tokens or engine.batched_tokens)
    law = memory_budget(batched, offer.gpu, ran.tensor_parallel, sequences, share, ran.pipeline_parallel)
    taken = law.kv_cache - tokens * law.kv_bytes_per_token
    if abs(taken) > MOST_MEMORY_ERROR * law.total:
        return Refusal(
            f"the engine reported a KV cache of {tokens:,} tokens where {law.kv_tokens:,} were computed: "
            f"{abs(taken) / GIB:.1f} of {law.total / GIB:.1f} GiB cannot be an error of the law; another model, "
            "other arguments or another program on the GPU are"
        )
    return MeasuredMemory(ran.replica, taken)
