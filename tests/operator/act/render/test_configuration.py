"""The annotation is read back, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.plan import Configuration
from rorqual_operator.act.render import read_configuration
from rorqual_operator.act.render.configuration import ANNOTATION, write_configuration

CONFIGURATIONS = st.builds(
    Configuration,
    gpu=st.text(min_size=1),
    tensor_parallel=st.integers(1, 64),
    max_concurrent_sequences=st.none() | st.integers(1, 65536),
    gpu_memory_share=st.none() | st.floats(0.01, 1),
    max_context_tokens=st.none() | st.integers(1, 2**31 - 1),
    pipeline_parallel=st.integers(1, 64),
)


@given(CONFIGURATIONS)
def test_what_is_written_is_read(configuration: Configuration) -> None:
    written = {"metadata": {"annotations": {ANNOTATION: write_configuration(configuration)}}}
    assert read_configuration(written) == configuration


def test_one_stage_is_not_written_and_read_when_absent() -> None:
    assert "pipelineParallel" not in write_configuration(Configuration("a", 2))
    written = {"metadata": {"annotations": {ANNOTATION: '{"gpu":"a","tensorParallel":2}'}}}
    assert read_configuration(written) == Configuration("a", 2, pipeline_parallel=1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"gpu":"a"}',
        '{"gpu":"a","tensorParallel":"1"}',
        '{"gpu":"a","tensorParallel":1,"x":2}',
    ],
)
def test_unreadable_is_none(text: str) -> None:
    assert read_configuration({"metadata": {"annotations": {ANNOTATION: text}}}) is None


@pytest.mark.parametrize("deployment", [{}, {"metadata": {}}, {"metadata": {"annotations": None}}])
def test_absent_is_none(deployment: dict[str, object]) -> None:
    assert read_configuration(deployment) is None
