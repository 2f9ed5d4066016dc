"""What cannot be true of measured operating points."""

from rorqual_engine.observation import Observation
from rorqual_engine.sizing.performance import Setting
from rorqual_engine.sizing.performance.points import WEIGHT_BYTES
from rorqual_engine.units import format_duration

LITTLE_SLACK = 1.25
"""Arrivals x time in the engine may be so much above the concurrency: medians stand for means."""


def contradiction(setting: Setting, seen: Observation) -> str:
    """Why physics forbids an observation; empty when it does not.

    A step reads every weight that it needs once, at most at the data sheet's bandwidth; a token takes two operations a
    weight, at most at its peak; and by Little's law no more requests are in flight than there were.
    """
    floor = fastest_step_seconds(setting) / setting.accepted_tokens
    if seen.tpot_seconds < floor:
        return (
            f"{seen}: reading the weights alone takes {format_duration(floor)} a token at {setting.gpu.bandwidth_gb:g} "
            f"GB/s on each of {setting.gpus} {setting.gpu.name}; another model, or another GPU, answered"
        )
    most = most_tokens_per_second(setting)
    if seen.requests_per_second * seen.output_tokens > most:
        return f"{seen}: the arithmetic of {setting.gpus} {setting.gpu.name} ends at {most:.3g} tokens/s"
    in_flight = seen.requests_per_second * seen.residence_seconds
    if in_flight > LITTLE_SLACK * max(1.0, seen.concurrency):
        return f"{seen}: by Little's law {in_flight:.3g} were in flight; the figures are not of the same moment"
    return ""


def fastest_step_seconds(setting: Setting) -> float:
    """Reading the weights of one token once, at full bandwidth of all GPUs that share them."""
    read = active_parameters(setting) * WEIGHT_BYTES[setting.precision]
    return read / (setting.gpu.bandwidth_gb * 1e9 * setting.tensor_parallel)


def most_tokens_per_second(setting: Setting) -> float:
    """Tokens of answers at peak arithmetic."""
    peak = max(setting.gpu.dense_tflops, setting.gpu.fp8_tflops, setting.gpu.fp4_tflops) * 1e12
    return peak * setting.gpus * setting.accepted_tokens / (2 * active_parameters(setting))


def active_parameters(setting: Setting) -> float:
    """Parameters that one token meets, without the table of input embeddings."""
    model = setting.model
    experts = 3.0 * model.hidden_size * model.expert_size * model.experts * model.expert_layers
    idle = experts * (1 - model.active_experts / model.experts) if model.experts else 0.0
    return max(model.parameters - idle - model.vocabulary * model.hidden_size, 0.25 * model.parameters / 2)
