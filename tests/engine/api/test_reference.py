"""The reference page tells of every field."""

import pytest

from rorqual_engine.api.reference import reference

PAGE = reference()


@pytest.mark.parametrize(
    "row",
    [
        "| `spec.model.name` | string | required |",
        "| `spec.scaling.minReplicas` | integer, 0 to 10000 | `1` |",
        "| `spec.configuration.gpuMemoryShare` | number, above 0 to 1 |",
        "| `spec.hardware[].gpu` | string | required |",
        "| `spec.template.metadata.labels` | map of string |",
        "| `status.conditions[].reason` | string | required |",
    ],
)
def test_rows(row: str) -> None:
    assert row in PAGE


def test_choices_do_not_break_the_table() -> None:
    assert "Internal \\| External \\| Advisory \\| Off" in PAGE
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {5}


def test_rules_are_told_with_their_place() -> None:
    assert "- `spec.scaling`: minReplicas must not be above maxReplicas" in PAGE
    assert "- `spec.sharing`: sharing.claimTemplate must be given when scheme is DRA" in PAGE
