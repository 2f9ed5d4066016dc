"""A stored service as a person would tell it."""

from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from rorqual_engine.plan import Option, Outlook, Signal
from rorqual_operator.act.scaling import SHOWN_OPTIONS, scaling_status
from rorqual_operator.cli_explain import explain as command
from rorqual_operator.explanation import ExplanationError, explain

from .builders import NOW, service_item
from .builders import plan as a_plan

OUTLOOK = Outlook(
    goal=0.95,
    arrivals_per_second=5.6,
    arrivals_deviation=0.3,
    expected_per_second=6.1234567,
    input_tokens=8263,
    output_tokens=38,
    prefix_hit_rate=0.4,
    request_seconds=0.28,
    work_replicas=1.7,
    waiting=3,
    ready=2,
    starting=1,
    startup_seconds=45,
    horizon_seconds=135,
    missed=0.032,
    slowness=1.0,
    price_seconds=5.0,
    options=tuple(Option(n, min(1.0, 0.5 + n / 10), 900 + 50 * abs(n - 4)) for n in range(1, 9)),
)
OBJECTIVES = {"ttft": {"p95": "2s"}, "tpot": {"p95": "50ms"}}


def told(outlook: Outlook | None = OUTLOOK, **status: Any) -> str:
    plan = a_plan(outlook=outlook, signals=(Signal("Queue", 20.0, 43.2, "requests per replica", 1.39),))
    found = scaling_status(plan, NOW)
    assert found is not None
    decision = {"time": "2026-01-01T12:00:00Z", "action": "Scale", "from": "2", "to": "3",
                "reason": "DemandAboveCapacity", "message": "6.1 requests/s are expected"}  # fmt: skip
    whole = {
        "observedGeneration": 1,
        "replicas": 3,
        "readyReplicas": 2,
        "desiredReplicas": 4,
        "model": "org/model",
        "gpu": "NVIDIA-H100",
        "reason": "DemandAboveCapacity",
        "scaling": found.model_dump(by_alias=True, exclude_none=True),
        "health": {"verdict": "Overload", "evidence": [
            {"metric": "TTFT p95", "observed": "3 s", "expected": "at most 2s"}]},
        "decisions": [decision],
        **status,
    }  # fmt: skip
    return explain({**service_item(objectives=OBJECTIVES), "status": whole})


def test_everything_that_led_to_the_number_is_there() -> None:
    text = told()
    for part in (
        "llm/chat: 3 replicas, 2 ready, 4 wanted (DemandAboveCapacity)",
        "TTFT p95 2s, TPOT p95 50ms; 95.0% of requests are to keep it",
        "5.6 requests/s now, 6.123 expected over the next 135 s; 8,263 tokens in (40% from the prefix cache), 38 out",
        "0.28 s of a replica a request: 1.7 replicas' worth; 3 requests wait",
        "2 serve, 1 start; a new one serves after 45 s",
        "4:  90.0% good for      900 GPU-seconds, misses priced in  <- costs least",
        "3.2% missed an objective",
        "Overload: TTFT p95 3 s, expected at most 2s",
        "2026-01-01T12:00:00Z Scale 2 -> 3, DemandAboveCapacity: 6.1 requests/s are expected",
    ):
        assert part in text
    assert "Signals" not in text and "Trust" not in text


def test_what_is_unlike_the_history_is_told() -> None:
    evidence = [{"metric": "TTFT p95", "observed": "3s", "expected": "usually 200ms"}]
    unusual = {"since": "2026-01-01T11:58:00Z", "evidence": evidence}
    text = told(health={"verdict": "Healthy", "unusual": unusual})
    assert "Unusual" in text and "since 2026-01-01T11:58:00Z: TTFT p95 3s, usually 200ms" in text
    assert "Unusual" not in told()


def test_a_pace_that_is_not_the_laws_is_said() -> None:
    assert "1.50 times slower than the law says" in told(replace(OUTLOOK, slowness=1.5))
    assert "2.00 times faster than the law says" in told(replace(OUTLOOK, slowness=0.5))


def test_where_the_model_is_not_believed_the_signals_are_told_too() -> None:
    text = told(replace(OUTLOOK, trusted=False))
    assert "what was foretold is not what happened of late" in text
    assert "Queue: 20 requests per replica, target 43.2 requests per replica: 1.39 replicas" in text


def test_the_reactive_rule_tells_its_signals() -> None:
    assert "Queue: 20 requests per replica" in told(None)


def test_the_options_about_the_best_are_kept() -> None:
    found = scaling_status(a_plan(outlook=OUTLOOK), NOW)
    assert found is not None and [one.replicas for one in found.options] == [2, 3, 4, 5, 6]
    assert len(found.options) == SHOWN_OPTIONS and found.expected_requests_per_second == 6.123


def test_nothing_known_is_no_scaling() -> None:
    assert scaling_status(a_plan(), NOW) is None


def test_a_service_that_nobody_looked_at_says_so() -> None:
    assert "no operator has looked at it yet" in explain(service_item())


def test_a_status_that_cannot_be_read_names_the_place() -> None:
    with pytest.raises(ExplanationError, match=r"llm/chat: cannot be read at replicas"):
        explain({**service_item(), "status": {"replicas": "many"}})


def test_a_file_can_be_told(tmp_path: Any) -> None:
    file = tmp_path / "chat.yaml"
    file.write_text(
        "kind: LLMService\nmetadata: {name: chat}\n"
        "spec: {model: {name: org/model}, hardware: [{gpu: NVIDIA-H100}]}\nstatus: {observedGeneration: 1}\n"
    )
    result = CliRunner().invoke(command, ["chat", "-f", str(file)])
    assert result.exit_code == 0 and "default/chat: 0 replicas, 0 ready" in result.output
    assert "none: without objectives the reactive rule" in result.output


@pytest.mark.parametrize("text", ["kind: Service\nspec: {}\n", "[1]\n", "a: [\n"])
def test_a_file_of_something_else_is_refused(tmp_path: Any, text: str) -> None:
    file = tmp_path / "other.yaml"
    file.write_text(text)
    result = CliRunner().invoke(command, ["chat", "-f", str(file)])
    assert result.exit_code == 1 and str(file) in result.output
