from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rorqual_demo.cut import cut
from rorqual_demo.errors import TraceError
from rorqual_demo.trace import Arrival, Scaling, busiest_minute, cut_around_peak, packaged_trace, read_trace, scale

TRACE = tuple(Arrival(float(second), 100, 40) for second in (0, 50, 130, 140, 150, 200, 290, 299))


def test_the_packaged_trace_rises_and_falls() -> None:
    trace = read_trace(packaged_trace())
    minutes = [sum(one.offset_seconds // 60 == minute for one in trace) for minute in range(58)]
    assert len(trace) == 19329
    assert (busiest_minute(trace), minutes[31]) == (31, 507)
    assert minutes[31] > 1.8 * minutes[7] and minutes[31] > 2 * minutes[57]


def test_the_packaged_trace_is_small_and_names_its_licence() -> None:
    data = Path(str(packaged_trace())).parent
    assert (data / "azure_conv_2023.csv.gz").stat().st_size < 150_000
    assert "CC-BY 4.0" in (data / "NOTICE").read_text()


def test_arrivals_are_in_order() -> None:
    offsets = [one.offset_seconds for one in read_trace(packaged_trace())]
    assert offsets == sorted(offsets)


def test_the_stretch_lies_around_the_busiest_minute() -> None:
    stretch = cut_around_peak(TRACE, 100)  # the minute from 120 to 180, so 100..200
    assert [one.offset_seconds for one in stretch] == [30, 40, 50]


def test_a_stretch_at_the_edge_moves_inward() -> None:
    early = (*(Arrival(t, 1, 1) for t in (0.0, 1.0, 2.0)), Arrival(300.0, 1, 1))
    assert [one.offset_seconds for one in cut_around_peak(early, 200)] == [0, 1, 2]


def test_a_stretch_longer_than_the_trace_is_refused() -> None:
    with pytest.raises(TraceError, match=r"lasts 5\.0 minutes, 6\.0 are asked for"):
        cut_around_peak(TRACE, 360)


def test_scaling_compresses_thins_and_shortens() -> None:
    assert scale(TRACE, Scaling(compress=10, one_in=3, shorten=4)) == (
        Arrival(0, 25, 10),
        Arrival(14, 25, 10),
        Arrival(29, 25, 10),
    )


def test_scaling_keeps_lengths_within_bounds() -> None:
    long, short = scale(
        (Arrival(0, 9000, 500), Arrival(1, 3, 1)), Scaling(shorten=4, longest_prompt=1000, longest_answer=100)
    )
    assert (long.prompt_tokens, long.output_tokens) == (1000, 100)
    assert (short.prompt_tokens, short.output_tokens) == (1, 1)


def test_scaling_says_what_it_does() -> None:
    assert str(Scaling(14, 6, 4, longest_answer=25)) == (
        "14× faster, 1 request in 6, texts 4× shorter, answers ≤ 25 tokens"
    )


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"a,b\n1,2\n"), gzip.compress(b"")])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "trace.csv.gz"
    file.write_bytes(content)
    with pytest.raises(TraceError, match="offset_seconds"):
        read_trace(file)


def test_the_cut_is_the_same_each_time_and_reads_back(tmp_path: Path) -> None:
    source, out = tmp_path / "azure.csv", tmp_path / "cut.csv.gz"
    source.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:15:46.6805900,374,44\n"
        "2023-11-16 18:15:50.9951690,396,109\n"
        "2023-11-16 18:17:50.0000000,1,1\n"
    )
    out.write_bytes(cut(source, minutes=1))
    assert read_trace(out) == (Arrival(0.0, 374, 44), Arrival(4.31, 396, 109))
    assert out.read_bytes() == cut(source, minutes=1)
