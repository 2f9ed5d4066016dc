"""The dashboards can be laid out: nothing overlaps, every panel has its queries."""

from itertools import combinations
from typing import Any

import pytest

from rorqual_operator.monitoring.expressions import DASHBOARDS
from rorqual_operator.monitoring.panels import COLUMNS, Dashboard, to_json


@pytest.fixture(params=DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def dashboard(request: pytest.FixtureRequest) -> Dashboard:
    found: Dashboard = request.param
    return found


@pytest.fixture
def panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = to_json(dashboard)["panels"]
    return found


def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    grid = panel["gridPos"]
    columns = range(grid["x"], grid["x"] + grid["w"])
    return {(x, y) for x in columns for y in range(grid["y"], grid["y"] + grid["h"])}


def test_panels_do_not_overlap(panels: list[dict[str, Any]]) -> None:
    assert all(not cells(one) & cells(other) for one, other in combinations(panels, 2))


def test_panels_stay_within_the_columns(panels: list[dict[str, Any]]) -> None:
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= COLUMNS for panel in panels)


def test_panels_are_numbered_once(panels: list[dict[str, Any]]) -> None:
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_every_expression_is_in_the_json(dashboard: Dashboard, panels: list[dict[str, Any]]) -> None:
    found = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    assert found == dashboard.expressions()


def test_variables_that_are_used_can_be_chosen(dashboard: Dashboard) -> None:
    names = {entry["name"] for entry in to_json(dashboard)["templating"]["list"]}
    text = " ".join(dashboard.expressions())
    assert {name for name in ("namespace", "service") if f"${name}" in text} <= names
