"""The search as plain data, for -o json and -o yaml: every alternative, every rejection, and the front."""

from typing import Any

from rorqual_engine.plan import Bounds
from rorqual_engine.sizing.alternative import Alternative
from rorqual_engine.sizing.front import Front
from rorqual_engine.sizing.question import Rejection
from rorqual_operator.act.recommendation import recommendation_status
from rorqual_operator.advice.report import Report
from rorqual_operator.advice.spread import describe_spread

UNITS = "seconds, requests/s and tokens/s are numbers; each with low and high, its bounds in nine cases of ten"


def document(report: Report, front: Front) -> dict[str, Any]:
    """What is recommended (as in status.recommendation), the alternatives in order, and the Pareto front."""
    recommended = recommendation_status(report.recommendation)
    return {
        "name": report.name,
        "model": report.spec.model.name,
        "possible": report.possible,
        "recommendation": recommended.model_dump(by_alias=True, exclude_none=True),
        "units": UNITS,
        "lengths": describe_spread(report.case.wish.prompts, report.case.wish.answers),
        "alternatives": [
            {**_entry(one), "basis": one.basis, "meetsObjectives": one.meets, "notTaken": report.why_not(place)}
            for place, one in enumerate(report.answer.alternatives)
        ],
        "rejected": [_rejected(one) for one in report.answer.rejected],
        "front": [_entry(point) for point in front.points],
    }


def _rejected(one: Rejection) -> dict[str, Any]:
    replica = one.replica
    stages = {"pipelineParallel": replica.pipeline_parallel} if replica.pipeline_parallel > 1 else {}
    return {"gpu": replica.gpu, "gpus": replica.gpus, **stages, "reason": one.reason}


def _entry(one: Alternative) -> dict[str, Any]:
    chosen, expected = one.configuration, one.expected
    return {
        "gpu": chosen.gpu,
        "tensorParallel": chosen.tensor_parallel,
        "pipelineParallel": chosen.pipeline_parallel,
        "maxConcurrentSequences": chosen.max_concurrent_sequences,
        "gpuMemoryShare": chosen.gpu_memory_share,
        "maxContextTokens": chosen.max_context_tokens,
        "maxBatchedTokens": chosen.max_batched_tokens,
        "kvCacheTokens": one.fit.budget.kv_tokens,
        "replicas": expected.replicas,
        "costPerHour": expected.cost_per_hour,
        "requestsPerSecond": _bounds(expected.requests_per_second),
        "tokensPerSecond": _bounds(expected.tokens_per_second),
        "ttftP95Seconds": _bounds(expected.ttft_p95_seconds),
        "tpotP95Seconds": _bounds(expected.tpot_p95_seconds),
        "confidence": expected.confidence,
    }


def _bounds(bounds: Bounds) -> dict[str, float]:
    return {"value": _short(bounds.value), "low": _short(bounds.low), "high": _short(bounds.high)}


def _short(value: float) -> float:
    """Four significant digits: more than the law knows."""
    return float(f"{value:.4g}")
