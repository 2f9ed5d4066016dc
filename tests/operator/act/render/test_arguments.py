"""The user's arguments win, in every spelling that vLLM takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_operator.act.render.arguments import Argument, combine, option_names, words

ALIASES = {"tp": "tensor-parallel-size"}
OURS = [Argument("max-num-seqs", "256"), Argument("tensor-parallel-size", "1")]


@pytest.mark.parametrize("extra", [["--max-num-seqs", "64"], ["--max-num-seqs=64"], ["--max_num_seqs=64"]])
def test_extra_replaces_ours(extra: list[str]) -> None:
    assert combine(OURS, extra, ALIASES) == ["--tensor-parallel-size=1", *extra]


def test_short_option_replaces_ours() -> None:
    assert combine(OURS, ["-tp", "2"], ALIASES) == ["--max-num-seqs=256", "-tp", "2"]


def test_option_and_value_in_one_argument_are_told_apart() -> None:
    assert combine(OURS, ["--max-num-seqs 64"], ALIASES) == ["--tensor-parallel-size=1", "--max-num-seqs", "64"]


@pytest.mark.parametrize("text", ['--override-config={"a": 1}', '{"a": 1}', "--flag", "two words"])
def test_values_with_spaces_stay_whole(text: str) -> None:
    assert words(text) == [text]


def test_values_are_no_options() -> None:
    assert option_names(["--seed", "-1", "max-num-seqs"], ALIASES) == {"seed"}


@given(st.lists(st.sampled_from(["--max-num-seqs=1", "--seed=3", "-tp=2", "word"])))
def test_extra_is_kept_whole_and_last(extra: list[str]) -> None:
    combined = combine(OURS, extra, ALIASES)
    assert combined[len(combined) - len(extra) :] == extra


@given(st.lists(st.sampled_from(["--max-num-seqs=1", "--max_num_seqs", "--seed=3", "-tp=2"]), unique=True))
def test_ours_never_stands_beside_its_override(extra: list[str]) -> None:
    kept = combine(OURS, extra, ALIASES)[: -len(extra) or None]
    assert not option_names(kept, ALIASES) & option_names(extra, ALIASES)
