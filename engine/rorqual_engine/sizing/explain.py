"""What the search found, in words: why an alternative fell, what pins cost, what would make it possible."""

from dataclasses import replace

from rorqual_engine.plan import Bounds, Expectation
from rorqual_engine.sizing.alternative import Alternative
from rorqual_engine.sizing.pins import Pins
from rorqual_engine.sizing.question import Question
from rorqual_engine.sizing.search import Answer, search
from rorqual_engine.units import format_duration

_PINNED = ("tensor_parallel", "pipeline_parallel", "gpu_memory_share", "max_concurrent_sequences", "max_batched_tokens")


def describe_expectation(expected: Expectation) -> str:
    """What is predicted, with its bounds and the confidence."""
    ttft, tpot, rate = expected.ttft_p95_seconds, expected.tpot_p95_seconds, expected.requests_per_second
    sure = "" if expected.confidence is None else f", objectives kept with {expected.confidence:.0%} confidence"
    return (
        f"predicted TTFT p95 {_durations(ttft)}, TPOT p95 {_durations(tpot)}, "
        f"{rate.value:.3g} ({rate.low:.3g} to {rate.high:.3g}) requests/s a replica{sure}"
    )


def _durations(bounds: Bounds) -> str:
    return f"{format_duration(bounds.value)} ({format_duration(bounds.low)} to {format_duration(bounds.high)})"


def why_not(best: Alternative, other: Alternative) -> str:
    """Why an alternative that fits was not taken."""
    if other.shortfalls:
        return "; ".join(other.shortfalls)
    if other.shape.offer.tier != best.shape.offer.tier:
        return "meets the objectives, but is not what runs" if best.shape.offer.tier == 0 else "not in the cluster"
    ours, theirs = best.expected, other.expected
    if ours.cost_per_hour is None or theirs.cost_per_hour is None:
        return "meets the objectives, but comes later in hardware or takes more GPUs"
    per_request = f"{_for_a_request(other):.3g} against {_for_a_request(best):.3g} for a million requests"
    return f"meets the objectives at {theirs.cost_per_hour:.2f} an hour, {per_request}"


def _for_a_request(alternative: Alternative) -> float:
    """Price of a million requests on fully used replicas."""
    expected = alternative.expected
    hourly = expected.requests_per_second.value * expected.replicas * 3600
    return (expected.cost_per_hour or 0.0) / hourly * 1e6


def price_of_pins(question: Question, best: Alternative) -> tuple[str, ...]:
    """What the configuration's pins cost beside the best without them; empty without pins."""
    if all(getattr(question.pins, name) is None for name in _PINNED):
        return ()
    free = Pins(max_context_tokens=question.pins.max_context_tokens)
    engine = replace(question.engine, batched_tokens=None)
    other = search(replace(question, pins=free, engine=engine)).best
    if other is None or other.configuration == best.configuration:
        return ("pins cost nothing: the same would be chosen without them",)
    chosen = other.configuration
    return (
        f"without pins: {other.name}, {chosen.max_concurrent_sequences} sequences, {_figures(other)}; "
        f"with them {_figures(best)}",
    )


def _figures(alternative: Alternative) -> str:
    expected = alternative.expected
    price = "" if expected.cost_per_hour is None else f"{expected.cost_per_hour:.2f} an hour, "
    misses = "" if alternative.meets else ", objectives missed"
    return f"{price}{expected.requests_per_second.value:.3g} requests/s a replica{misses}"


def explain_impossible(question: Question, answer: Answer) -> str:
    """Which objective binds, and what would make it possible; empty when it is possible or nothing is known."""
    best = answer.best
    if best is None or best.meets:
        return ""
    why = "; ".join(best.shortfalls)
    return f"No alternative meets the objectives. {best.name} comes nearest: {why}. {_remedy(question, best)}"


def _remedy(question: Question, best: Alternative) -> str:
    late = [text for text in best.shortfalls if text.startswith(("ttft", "tpot"))]
    if late and best.binding is not None:
        chance = best.expected.confidence or 0.0
        return (
            f"{best.binding} binds: it would hold with {format_duration(best.bearable)} or more, or with a confidence "
            f"of {chance:.0%} instead of {question.confidence:.0%}; or offer faster GPUs"
        )
    rate = best.expected.requests_per_second.low * (question.max_replicas or best.expected.replicas)
    return (
        f"The rate binds: it would hold with {best.expected.replicas} replicas, or with at most {rate:.3g} requests/s"
    )
