"""Grafana's JSON for the few kinds of panels that are used, laid out in rows of 24 columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

COLUMNS = 24
SOURCE = {"type": "prometheus", "uid": "$datasource"}
SCHEMA_VERSION = 39
"""Grafana 11 writes it; later ones migrate it on load."""


@dataclass(frozen=True, slots=True)
class Query:
    """One expression of a panel and how its series are named."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. Units are Grafana's: s, percentunit, reqps, bytes, short."""

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: Literal["timeseries", "stat", "state-timeline"] = "timeseries"
    width: int = 8
    height: int = 7
    help: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top of a dashboard, filled from the values of a label."""

    name: str
    label: str
    query: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard."""

    uid: str
    title: str
    help: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()

    def expressions(self) -> list[str]:
        """Every expression, Grafana's variables still in place."""
        return [query.expression for row in self.rows for panel in row.panels for query in panel.queries]


def stat(title: str, expression: str, unit: str = "short", text: str = "") -> Panel:
    """One number."""
    return Panel(title, (Query(expression),), unit, "stat", width=4, height=4, help=text)


def graph(title: str, queries: Sequence[Query], unit: str = "short", text: str = "") -> Panel:
    """Lines over time."""
    return Panel(title, tuple(queries), unit, help=text)


def timeline(title: str, queries: Sequence[Query], text: str = "") -> Panel:
    """States over time."""
    return Panel(title, tuple(queries), kind="state-timeline", width=12, help=text)


def to_json(dashboard: Dashboard) -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.help,
        "tags": ["rorqual"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [_data_source(), *(_variable(variable) for variable in dashboard.variables)]},
        "panels": list(_number(_place(dashboard.rows))),
    }


def _place(rows: Iterable[Row]) -> Iterable[dict[str, Any]]:
    top = 0
    for row in rows:
        yield {"type": "row", "title": row.title, "collapsed": False, "gridPos": _grid(0, top, COLUMNS, 1)}
        top, left, deepest = top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                top, left, deepest = top + deepest, 0, 0
            yield _panel(panel, _grid(left, top, panel.width, panel.height))
            left, deepest = left + panel.width, max(deepest, panel.height)
        top += deepest


def _number(panels: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    return ({"id": number, **panel} for number, panel in enumerate(panels, start=1))


def _grid(left: int, top: int, width: int, height: int) -> dict[str, int]:
    return {"x": left, "y": top, "w": width, "h": height}


def _panel(panel: Panel, grid: dict[str, int]) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.help,
        "datasource": SOURCE,
        "gridPos": grid,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": _OPTIONS[panel.kind],
        "targets": [_target(query, position) for position, query in enumerate(panel.queries)],
    }


_OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"},
    "state-timeline": {"showValue": "never", "legend": {"displayMode": "list", "placement": "bottom"}},
}


def _target(query: Query, position: int) -> dict[str, Any]:
    return {
        "refId": chr(ord("A") + position),
        "datasource": SOURCE,
        "expr": query.expression,
        "legendFormat": query.legend or "__auto",
    }


def _data_source() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _variable(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": variable.query, "refId": variable.name},
        "definition": variable.query,
        "refresh": 2,
        "sort": 1,
    }
