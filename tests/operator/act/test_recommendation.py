"""A recommendation in the status: figures with their bounds, and what of it is a choice."""

from dataclasses import replace

from rorqual_engine.plan import Bounds, Configuration, Expectation, Reason, Recommendation
from rorqual_operator.act.conditions import configuration_recommended
from rorqual_operator.act.recommendation import choice, recommendation_status
from rorqual_operator.act.status import essence, status_of, worth_writing

from ..builders import NOW, plan, service

EXPECTED = Expectation(
    Bounds(5, 7.5, 10.6), Bounds(1280, 1920.4, 2713), Bounds(0.8, 1.2, 1.7), Bounds(0.014, 0.02, 0.028), 0.97, 2, 5.0
)
KNOWN = Recommendation(
    Configuration("H100", 1, 45, 0.9, 8192), 450_000, expected=EXPECTED, rejected=("2 x H100: dear",)
)


def written(recommendation=KNOWN):
    return recommendation_status(recommendation).model_dump(by_alias=True, exclude_none=True)


def test_every_figure_stands_with_its_bounds() -> None:
    found = written()
    assert found["capacity"]["requestsPerSecond"] == {"value": "7.5", "low": "5", "high": "10.6"}
    assert found["capacity"]["tokensPerSecond"] == {"value": "1920", "low": "1280", "high": "2713"}
    assert found["predicted"]["ttftP95"] == {"value": "1.2s", "low": "800ms", "high": "1.7s"}
    assert found["predicted"]["tpotP95"] == {"value": "20ms", "low": "14ms", "high": "28ms"}
    assert (found["confidence"], found["replicas"], found["costPerHour"]) == ("97%", 2, "5.00")


def test_what_is_not_known_is_absent() -> None:
    found = written(replace(KNOWN, expected=None, rejected=()))
    assert not {"capacity", "predicted", "confidence", "replicas", "costPerHour", "rejected"} & set(found)


def test_the_basis_is_told() -> None:
    assert written()["basis"] == "Catalog"
    assert written(replace(KNOWN, calibrated=True))["basis"] == "Calibrated"


def test_the_status_keeps_a_bounded_number_of_rejections() -> None:
    assert len(written(replace(KNOWN, rejected=("no",) * 100))["rejected"]) == 16


def test_a_choice_has_no_figures_that_drift() -> None:
    drifted = replace(KNOWN, expected=replace(EXPECTED, confidence=0.95), explanation="other figures")
    assert choice(written()) == choice(written(drifted))
    assert choice(written()) != choice(written(replace(KNOWN, calibrated=True)))
    staged = replace(KNOWN, configuration=replace(KNOWN.configuration, pipeline_parallel=2))
    assert choice(written()) != choice(written(staged))


def test_figures_alone_are_written_later_and_choices_at_once() -> None:
    before = {"recommendation": written()}
    drifted = {"recommendation": {**written(), "confidence": "96%"}}
    assert not worth_writing(before, drifted, NOW, NOW + 1)
    assert worth_writing(before, drifted, NOW, NOW + 60)
    assert worth_writing(before, {"recommendation": {**written(), "tensorParallel": 2}}, NOW, NOW + 1)


def test_what_others_write_is_no_change() -> None:
    ours = status_of(service(), plan(recommendation=KNOWN), {}, NOW)
    both = {**ours, "calibration": {"gpu": "H100"}}
    assert not worth_writing(both, ours, None, NOW)
    assert essence(both) == essence(ours)
    assert "calibration" not in status_of(service(), plan(), both, NOW)


def test_the_condition_tells_when_objectives_could_not_decide() -> None:
    claim = configuration_recommended(service(), plan(recommendation=replace(KNOWN, problem=Reason.SPEED_UNKNOWN)))
    assert (claim.status, claim.reason) == ("True", "SpeedUnknown")
    assert configuration_recommended(service(), plan(recommendation=KNOWN)).reason == "Initial"
