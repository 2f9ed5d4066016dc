from pathlib import Path

from rorqual_engine import catalog
from rorqual_engine.catalog.reference import render

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "catalog.md"


def test_the_page_is_what_the_data_makes():
    assert PAGE.read_text("utf-8") == render(), "run: make generate"


def test_every_model_and_gpu_has_a_line():
    text = render()
    assert all(f"| `{name}` |" in text for name in (*catalog.model_names(), *catalog.gpu_products()))


def test_tables_have_as_many_cells_as_columns():
    for table in render().split("\n\n"):
        lines = [line for line in table.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1
