"""A replica's speed, in the words of the capacity model."""

from rorqual_engine.scaling.predictive.capacity import VARIATION, Pace
from rorqual_engine.timing import Capability

NO_LIMIT_SECONDS = 1e4
"""Stands for the limit that was not given: the model's tails need a finite one."""
SHARE_OF_CACHE = 0.9
"""Of the KV cache that is counted on: a fuller one preempts."""


def pace_of(
    replica: Capability,
    prompt: float,
    answer: float,
    ttft_seconds: float,
    itl_seconds: float,
    slowness: float = 1.0,
    prefix_hit_rate: float = 0.0,
) -> Pace:
    """For requests of those mean lengths (tokens) and limits.

    Attention goes by the second moment of prompts that vary as production's do. `slowness` is what was seen over what
    the law says. Of a prompt's tokens, the share `prefix_hit_rate` is in the prefix cache: they are not computed, but
    attended to and held.
    """
    timing = replica.timing
    held = prefix_hit_rate * prompt
    varying = timing.attention_seconds * prompt**2 / 2 * (1.0 - prefix_hit_rate**2) * VARIATION
    return Pace(
        prefill_seconds=(timing.prefill_seconds(prompt - held, held) + varying) * slowness,
        step_seconds=timing.step_seconds * slowness,
        sequence_seconds=(timing.sequence_seconds + timing.context_seconds * (prompt + answer / 2)) * slowness,
        sequences=max(1.0, min(float(replica.sequences), SHARE_OF_CACHE * replica.kv_tokens / (prompt + answer))),
        input_tokens=prompt,
        output_tokens=answer,
        ttft_seconds=min(ttft_seconds, NO_LIMIT_SECONDS),
        itl_seconds=min(itl_seconds, NO_LIMIT_SECONDS),
    )
