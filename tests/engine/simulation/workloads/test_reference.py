"""The reference page."""

from pathlib import Path

from rorqual_engine.simulation.traces import plain
from rorqual_engine.simulation.workloads import POOLS, WORKLOADS
from rorqual_engine.simulation.workloads.reference import render

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "workloads.md"


def test_the_page_is_what_the_registry_makes():
    assert PAGE.read_text("utf-8") == render(), "run: make generate"


def test_every_workload_has_a_line():
    assert all(f"| `{name}` |" in render() for name in (*WORKLOADS, *POOLS))


def test_every_name_of_a_column_is_told():
    names = (*plain.OFFSETS, *plain.MOMENTS, *plain.INPUTS, *plain.OUTPUTS, *plain.CACHED)
    assert all(f"`{name}`" in render() for name in names)
