"""The seconds of single steps, distilled from the performance law, which speaks of whole requests."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from rorqual_engine.sizing.calibration import Calibration
from rorqual_engine.sizing.performance import Load, Setting, predict_many
from rorqual_engine.sizing.performance.prediction import Array
from rorqual_engine.timing import StepTiming

LONG_ANSWER_TOKENS = 2048
"""Of the points that tell a decode step: long enough that others' prompts hardly matter."""


@lru_cache(maxsize=4096)
def step_timing(
    setting: Setting, input_tokens: float, output_tokens: float, calibration: Calibration | None = None
) -> StepTiming:
    """Linear coefficients by least squares of relative errors, for lengths around those of the workload.

    Prompts from TTFT of one request at a time; decode steps from TPOT at one request up to as many as run at once, less
    what the others' prompts add to it. Both are corrected by the calibration, where there is one. A pure function: the
    cache only saves time.
    """
    step_alone, prompt, attention = _prompt_seconds(setting, input_tokens, calibration)
    concurrency = np.unique(np.geomspace(1, max(2.0, setting.sequences), 8).round())
    answers = np.maximum(output_tokens, LONG_ANSWER_TOKENS) * np.array([1.0, 2.0, 4.0])
    loads = [Load(c, input_tokens, o, 0.0) for c in concurrency for o in answers]
    running = np.array([load.concurrency for load in loads])
    output = np.array([load.output_tokens for load in loads])
    tpot = predict_many([setting] * len(loads), loads).tpot_seconds.value
    if calibration is not None:
        tpot = tpot * np.exp(calibration.tpot.at(running)[0])
    others = (running - 1) / output * (prompt * input_tokens + attention * input_tokens**2 / 2)
    context = running * (input_tokens + output / 2)
    columns = np.stack([np.ones_like(running), running, context], axis=1)
    step, sequence, context_seconds = _fit(columns, np.maximum(tpot - others, tpot / 4))
    return StepTiming(step or step_alone, sequence, context_seconds, prompt, attention)


def _prompt_seconds(
    setting: Setting, input_tokens: float, calibration: Calibration | None
) -> tuple[float, float, float]:
    """Of a step, of one token of a prompt, and of one token and one token before it."""
    prompts = input_tokens * np.geomspace(0.25, 4.0, 9)
    loads = [Load(1.0, tokens, 16.0, 0.0) for tokens in prompts]
    ttft = predict_many([setting] * len(loads), loads).ttft_seconds.value
    if calibration is not None:
        ttft = ttft * np.exp(calibration.ttft.at(np.ones(1))[0])
    step, prompt, attention = _fit(np.stack([np.ones_like(prompts), prompts, prompts**2 / 2], axis=1), ttft)
    return step, prompt, attention


def _fit(columns: Array, seconds: Array) -> Sequence[float]:
    """Least squares of relative errors; a coefficient below 0 is set to 0 and the others are fitted without it."""
    kept = list(range(columns.shape[1]))
    while True:
        scaled = columns[:, kept] / seconds[:, None]
        found = np.linalg.lstsq(scaled, np.ones(len(seconds)), rcond=None)[0]
        if (found >= 0).all() or len(kept) == 1:
            break
        kept.pop(int(np.argmin(found * columns[:, kept].mean(axis=0))))
    coefficients = [0.0] * columns.shape[1]
    for place, value in zip(kept, found, strict=True):
        coefficients[place] = max(0.0, float(value))
    return coefficients
