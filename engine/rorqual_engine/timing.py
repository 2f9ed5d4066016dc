"""How long one step of an engine takes, and what a replica can hold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepTiming:
    """A step's seconds, linear in what is in it.

    `step + sequence*B + context*K + prompt*P + attention*sum(p*(seen + p/2))` for B decoding sequences that hold K
    tokens in the KV cache together, and chunks of p tokens (P in all) of prompts of which `seen` tokens came before.
    """

    step_seconds: float
    sequence_seconds: float = 0.0
    context_seconds: float = 0.0
    """For one token in the KV cache of a decoding sequence."""
    prompt_seconds: float = 0.0
    """For one token of a prompt."""
    attention_seconds: float = 0.0
    """For one token of a prompt and one token before it."""

    def decode_seconds(self, sequences: float, context_tokens: float) -> float:
        """Of a step of so many sequences that hold `context_tokens` together."""
        return self.step_seconds + self.sequence_seconds * sequences + self.context_seconds * context_tokens

    def prefill_seconds(self, tokens: float, seen: float = 0.0) -> float:
        """What a prompt's `tokens` add to the steps that work on them, after `seen` that are in the cache already."""
        return self.prompt_seconds * tokens + self.attention_seconds * tokens * (seen + tokens / 2.0)


@dataclass(frozen=True, slots=True)
class Capability:
    """What one replica can do."""

    timing: StepTiming
    sequences: int
    """That it works on at once (max_num_seqs)."""
    kv_tokens: int
    """Of its KV cache."""

    def request_seconds(self, prompt_tokens: float, answer_tokens: float, sequences: float) -> float:
        """What one request takes of a replica that works on so many at once."""
        timing = self.timing
        context = prompt_tokens + answer_tokens / 2.0
        token = timing.decode_seconds(sequences, sequences * context) / max(1.0, sequences)
        return timing.prefill_seconds(prompt_tokens) + max(0.0, answer_tokens - 1.0) * token

    def sequences_that_fit(self, tokens: float, itl_seconds: float, share: float = 0.9) -> float:
        """The most whose requests of so many tokens fill that share of the cache, each token within its limit."""
        timing = self.timing
        each = timing.sequence_seconds + timing.context_seconds * tokens
        by_time = (itl_seconds - timing.step_seconds) / each if each > 0 else float("inf")
        return max(1.0, min(share * self.kv_tokens / max(1.0, tokens), by_time))
