"""A simulated replica's speed, in the words of the capacity model."""

from rorqual_engine.scaling.predictive import VARIATION, Pace
from rorqual_engine.simulation.policy import Facts

SHARE_OF_CACHE = 0.9
"""Of the KV cache that is counted on: a fuller one preempts."""


def pace_of(facts: Facts, prompt: float, answer: float) -> Pace:
    """For requests of those mean lengths; attention by the second moment of prompts that vary as production's do."""
    timing = facts.timing
    return Pace(
        prefill_seconds=timing.prefill_seconds(prompt) + timing.attention_seconds * prompt**2 / 2 * VARIATION,
        step_seconds=timing.step_seconds,
        sequence_seconds=timing.sequence_seconds + timing.context_seconds * (prompt + answer / 2),
        sequences=max(1.0, min(float(facts.sequences), SHARE_OF_CACHE * facts.kv_tokens / (prompt + answer))),
        input_tokens=prompt,
        output_tokens=answer,
        ttft_seconds=facts.ttft_seconds,
        itl_seconds=facts.itl_seconds,
    )
