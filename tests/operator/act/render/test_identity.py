"""Labels that Kubernetes takes, whatever the model is called."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_operator.act.render.identity import label_value

LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")


@given(st.text())
def test_label_value_is_valid(text: str) -> None:
    value = label_value(text)
    assert len(value) <= 63
    assert LABEL.fullmatch(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("meta-llama/Llama-3.1-8B-Instruct", "meta-llama-Llama-3.1-8B-Instruct"), ("0.19.0+cu130", "0.19.0-cu130")],
)
def test_label_value_stays_readable(name: str, value: str) -> None:
    assert label_value(name) == value
