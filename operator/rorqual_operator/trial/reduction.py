"""From guidellm's report to a few figures a load. A script in guidellm's image too: standard library alone."""

import json
import sys
from typing import Any

LEAST_ANSWERS = 5
"""At a load, or its figures say nothing."""


def reduce(report: dict[str, Any]) -> list[dict[str, float]]:
    """One entry a load: concurrency and lengths as means, TTFT and TPOT as medians, answers a second.

    TPOT is guidellm's inter-token latency; its own `time_per_output_token` counts the first token's wait in.
    """
    return [_point(entry["metrics"]) for entry in report["benchmarks"] if _answers(entry) >= LEAST_ANSWERS]


def _answers(entry: dict[str, Any]) -> int:
    return int(entry["metrics"]["request_totals"]["successful"])


def _point(metrics: dict[str, Any]) -> dict[str, float]:
    return {
        "concurrency": _of(metrics, "request_concurrency", "mean"),
        "inputTokens": _of(metrics, "prompt_token_count", "mean"),
        "outputTokens": _of(metrics, "output_token_count", "mean"),
        "ttftSeconds": _of(metrics, "time_to_first_token_ms", "median") / 1000,
        "tpotSeconds": _of(metrics, "inter_token_latency_ms", "median") / 1000,
        "requestsPerSecond": _rate(metrics),
    }


def _rate(metrics: dict[str, Any]) -> float:
    """By Little's law: guidellm's own rate misses the answers that the end of the load cut off, its concurrency too."""
    return round(_of(metrics, "request_concurrency", "mean") / _of(metrics, "request_latency", "mean"), 6)


def _of(metrics: dict[str, Any], name: str, statistic: str) -> float:
    return round(float(metrics[name]["successful"][statistic]), 6)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 no more than the script needs
        sys.stdout.write(json.dumps(reduce(json.load(file)), separators=(",", ":")))
