"""The arithmetic of bench/autoscaling.py."""

import json

import autoscaling
import pytest
from autoscaling_frontier import Point, dominating, frontier, good_rate_at, interpolate_misses

CURVE = [Point("a", 1.0, 0.5), Point("b", 2.0, 0.9), Point("worse", 2.5, 0.8), Point("c", 3.0, 0.95)]


def test_a_frontier_is_what_nobody_beats_on_both() -> None:
    assert [point.name for point in frontier(CURVE)] == ["a", "b", "c"]


def test_between_its_points_it_is_straight() -> None:
    assert good_rate_at(CURVE, 1.5) == pytest.approx(0.7)
    assert good_rate_at(CURVE, 9.0) == pytest.approx(0.95)
    assert good_rate_at(CURVE, 0.5) is None
    assert interpolate_misses(CURVE, 1.5) == pytest.approx(0.3)


def test_above_and_left_of_the_curve_wins() -> None:
    others = [Point("above", 1.5, 0.71), Point("below", 1.5, 0.69), Point("cheap", 0.5, 0.5), Point("poor", 0.5, 0.4)]
    assert dominating(CURVE, others) == ["above", "cheap"]
    assert dominating(CURVE, [Point("dear", 4.0, 0.99)]) == []


def test_a_search_joins_the_values_that_were_better_alone() -> None:
    tried = [(10.0, {}), (9.0, {"x": 1.0}), (8.0, {"x": 2.0}), (11.0, {"y": 1.0})]
    assert autoscaling.best_together(tried) == {"x": 2.0}


def test_rows_have_the_columns_that_are_promised(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--workloads", "gym-decode-staircase", "--policies", "enova", "--seeds", "2", "--jobs", "1", "--json"]
    assert autoscaling.main(arguments) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"rorqual-0.95", "static-1", "static-8", "static-person", "enova"} <= {row["policy"] for row in rows}
    for row in rows:
        assert row["workload"] == "gym-decode-staircase" and row["seeds"] == 2
        assert 0 <= row["good_rate"] <= 1 and row["gpu_hours"] > 0
        assert {"good_rate_ci", "goodput_per_gpu", "cost", "ttft_p95", "itl_p95", "scale_actions", "reversals"} <= set(
            row
        )
