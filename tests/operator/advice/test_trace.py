"""Lengths and rate from a CSV of requests."""

from pathlib import Path

import pytest

from rorqual_operator.advice.trace import TraceError, read_trace

AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:48.6805900,396,109
2023-11-16 18:15:50.6805900,1000,0
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "trace.csv"
    file.write_text(text)
    return file


def test_azures_columns(tmp_path: Path) -> None:
    found = read_trace(written(tmp_path, AZURE))
    assert (found.prompts, found.answers) == ((374, 396, 1000), (44, 109, 1))
    assert found.requests_per_second == pytest.approx(0.5)


def test_the_workload_has_means_percentiles_and_rate(tmp_path: Path) -> None:
    rows = "".join(f"{n},{2 * n}\n" for n in range(1, 101))
    found = read_trace(written(tmp_path, "input_tokens,output_tokens\n" + rows)).workload()
    assert found == {
        "inputTokens": 50,
        "inputLengths": {"p50": 50, "p90": 90, "p95": 95, "p99": 99},
        "outputTokens": 101,
        "outputLengths": {"p50": 100, "p90": 180, "p95": 190, "p99": 198},
    }
    assert read_trace(written(tmp_path, AZURE)).workload()["requestsPerSecond"] == 0.5


def test_requests_of_one_moment_tell_no_rate(tmp_path: Path) -> None:
    text = "TIMESTAMP,input_tokens,output_tokens\n2024-01-01T00:00:00Z,1,1\n2024-01-01T00:00:00Z,1,1\n"
    assert read_trace(written(tmp_path, text)).requests_per_second is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected the columns ContextTokens, GeneratedTokens or input_tokens, output_tokens, found none"),
        ("a,b\n1,2\n", "found a, b"),
        ("input_tokens,output_tokens\n", "expected a row for each request, found none"),
        ("input_tokens,output_tokens\n1,-2\n", "line 2: output_tokens: expected a number of tokens, found '-2'"),
        ("input_tokens,output_tokens\n1,2\n3\n", "line 3: output_tokens: expected a number of tokens, found None"),
        ("TIMESTAMP,input_tokens,output_tokens\nnow,1,2\n", "line 2: TIMESTAMP: expected a date and time"),
    ],
)
def test_what_is_no_trace_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(TraceError) as caught:
        read_trace(written(tmp_path, text))
    assert told in str(caught.value) and str(caught.value).startswith(str(tmp_path))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"none\.csv: cannot be read"):
        read_trace(tmp_path / "none.csv")
