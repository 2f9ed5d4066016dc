"""Which spread of lengths the figures follow from, in words."""

from rorqual_engine.sizing.objectives import Objective
from rorqual_engine.sizing.spread import Spread


def describe_spread(prompts: Spread, answers: Spread) -> str:
    """Of prompts, by which the percentiles of TTFT scale, and of answers."""
    factor = Objective.at("ttft", 95, 1.0, prompts).spread
    source = "workload.inputLengths" if prompts.ratios else "Azure's trace of 2023, for want of workload.inputLengths"
    told = f"TTFT p95 is that of a prompt of {factor:.3g} times the mean ({source}); answers "
    if not answers.ratios:
        return f"{told}are counted as all alike, for want of workload.outputLengths"
    return f"{told}of running requests have {answers.square:.3g} times the mean length (workload.outputLengths)"
