"""What one replica of a configuration can do, by the calibrated law: what scaling plans with."""

from dataclasses import replace

from rorqual_engine.plan import Configuration
from rorqual_engine.sizing.evidence import Lesson
from rorqual_engine.sizing.memory import memory_budget
from rorqual_engine.sizing.recommend import NOTHING_LEARNED, Case
from rorqual_engine.sizing.speed import setting_of
from rorqual_engine.sizing.step_law import step_timing
from rorqual_engine.timing import Capability


def capability_of(
    case: Case, ran: Configuration, lesson: Lesson = NOTHING_LEARNED, cache_tokens: int | None = None
) -> Capability | None:
    """Of a replica that runs `ran`; None where the catalog does not tell the GPU's speed.

    `cache_tokens` is what engines reported of their KV cache; the memory law tells it otherwise.
    """
    offer = next((one for one in case.offers if one.gpu.product == ran.gpu), None)
    if offer is None:
        return None
    rules, gpu = case.engine.rules, offer.gpu
    sequences = ran.max_concurrent_sequences or rules.batch_defaults(gpu.batch_class).sequences
    share = ran.gpu_memory_share or rules.default_share
    engine = replace(case.engine, batched_tokens=ran.max_batched_tokens or case.engine.batched_tokens)
    speed = share if offer.packed else offer.speed_share
    setting = setting_of(engine, gpu, ran.tensor_parallel, sequences, speed, ran.pipeline_parallel)
    if setting is None:
        return None
    calibration = lesson.calibration
    known = calibration if calibration is not None and calibration.replica == ran.replica else None
    timing = step_timing(setting, case.wish.input_tokens, case.wish.output_tokens, known)
    budget = memory_budget(engine, gpu, ran.tensor_parallel, sequences, share, ran.pipeline_parallel)
    return Capability(timing, sequences, cache_tokens or budget.kv_tokens)
