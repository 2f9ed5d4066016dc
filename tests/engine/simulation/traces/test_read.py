"""Which format a file has."""

import pytest

from rorqual_engine.simulation.lengths import Exponential
from rorqual_engine.simulation.traces import Reading, Skipped, TraceError, read_trace
from rorqual_engine.simulation.traces.servegen import Draw

AZURE = ["\ufeffTIMESTAMP,ContextTokens,GeneratedTokens\n", "2023-11-16 18:15:46.68,374,44\n"]
MOONCAKE = [
    '{"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [1]}\n',
    '{"timestamp": 9, "input_length": 600, "output_length": 5, "hash_ids": [1]}\n',
]
PLAIN = ["Arrival_S,Prompt Tokens,Completion Tokens\n", "1,374,44\n"]
RATES = ["t_s,req_per_s\n", "0,5\n", "60,5\n"]
DRAW = Draw(Exponential(100), Exponential(10))


@pytest.mark.parametrize("lines", [AZURE, PLAIN])
def test_the_header_tells(lines: list[str]):
    assert read_trace(iter(lines)).input_tokens.tolist() == [374]


def test_json_is_mooncakes():
    assert read_trace(MOONCAKE).cached_tokens.tolist() == [0, 512]
    assert read_trace(MOONCAKE, Reading(prefix_cache="none")).cached_tokens.tolist() == [0, 0]


def test_rates_are_drawn_by_the_seed():
    one, same, other = (read_trace(RATES, Reading(draw=DRAW, seed=seed)) for seed in (1, 1, 2))
    assert one.arrival_seconds.tolist() == same.arrival_seconds.tolist() != other.arrival_seconds.tolist()


def test_rates_need_lengths():
    with pytest.raises(TraceError, match="expected the lengths to draw"):
        read_trace(RATES)


@pytest.mark.parametrize("lines", [AZURE, MOONCAKE, PLAIN])
def test_bad_rows_are_told_of_in_every_format(lines: list[str]):
    skipped = Skipped()
    assert len(read_trace([*lines, "hello\n"], Reading(on_bad=skipped.add))) == len(read_trace(lines))
    assert skipped.count == 1


@pytest.mark.parametrize(("lines", "found"), [([], "nothing"), (["\n"], "nothing"), (["a;b\n"], "'a;b'")])
def test_an_unknown_format_is_refused(lines: list[str], found: str):
    with pytest.raises(TraceError, match=f"line 1: expected Mooncake .*; found {found}"):
        read_trace(lines)
