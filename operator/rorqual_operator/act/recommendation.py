"""A recommendation as it stands in the status, and what of it is a choice and not a figure that drifts. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from rorqual_engine.api import status as api
from rorqual_engine.plan import Bounds, Expectation, Recommendation
from rorqual_engine.units import format_duration

CHOICES = (
    *("gpu", "tensorParallel", "pipelineParallel", "maxConcurrentSequences", "gpuMemoryShare", "maxContextTokens"),
    *("maxBatchedTokens", "replicas", "basis"),
)
KEPT_REJECTIONS = 16


def recommendation_status(recommendation: Recommendation) -> api.Recommendation:
    """What `status.recommendation` says."""
    configuration, expected = recommendation.configuration, recommendation.expected
    return api.Recommendation(
        gpu=configuration.gpu,
        tensor_parallel=configuration.tensor_parallel,
        pipeline_parallel=configuration.pipeline_parallel,
        max_concurrent_sequences=configuration.max_concurrent_sequences or 0,
        gpu_memory_share=round(configuration.gpu_memory_share or 0.0, 4),
        max_context_tokens=configuration.max_context_tokens or 0,
        max_batched_tokens=configuration.max_batched_tokens,
        kv_cache_tokens=recommendation.kv_cache_tokens,
        basis="Calibrated" if recommendation.calibrated else "Catalog",
        pins=list(recommendation.pins),
        rejected=list(recommendation.rejected[:KEPT_REJECTIONS]) or None,
        explanation=recommendation.explanation,
        calibration_refused=recommendation.calibration_refused or None,
        **(_expected(expected) if expected else {}),
    )


def choice(status: Mapping[str, Any]) -> dict[str, Any]:
    """What was chosen, of a recommendation in the status."""
    return {key: status[key] for key in CHOICES if key in status}


def _expected(expected: Expectation) -> dict[str, Any]:
    return {
        "replicas": expected.replicas,
        "cost_per_hour": None if expected.cost_per_hour is None else f"{expected.cost_per_hour:.2f}",
        "capacity": api.Capacity(
            requests_per_second=_interval(expected.requests_per_second, _rate),
            tokens_per_second=_interval(expected.tokens_per_second, _rate),
        ),
        "predicted": api.Predicted(
            ttft_p95=_interval(expected.ttft_p95_seconds, format_duration),
            tpot_p95=_interval(expected.tpot_p95_seconds, format_duration),
        ),
        "confidence": None if expected.confidence is None else f"{expected.confidence:.0%}",
    }


def _interval(bounds: Bounds, write: Callable[[float], str]) -> api.Interval:
    return api.Interval(value=write(bounds.value), low=write(bounds.low), high=write(bounds.high))


def _rate(value: float) -> str:
    """Three significant digits, never in powers of ten."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"
