"""What bench/sizing.py makes of rows that it cannot score: a reason, never a number."""

import csv

import pytest
from sizing_regret import curves_of
from sizing_rows import lacks, read
from sizing_static import score_static

GOOD = {
    "backend": "vllm",
    "backend_version": "0.19.0",
    "model_path": "meta-llama/Llama-3.1-8B-Instruct",
    "system": "h100_sxm",
    "precision": "fp8",
    "isl": "1024",
    "osl": "128",
    "gemm_quant_mode": "fp8",
    "batch_size": "8",
    "tp_size": "1",
    "attention_dp_size": "1",
    "moe_tp_size": "1",
    "moe_ep_size": "1",
    "silicon_ttft_ms": "100",
    "silicon_tpot_ms": "10",
}
BAD = [
    ("model_path", "acme/unknown", "model acme/unknown"),
    ("system", "tpu_v9", "GPU tpu_v9"),
    ("backend", "lmdeploy", "runtime lmdeploy"),
    ("silicon_ttft_ms", "nan", "silicon_ttft_ms: expected a number above 0, found 'nan'"),
    ("silicon_tpot_ms", "", "silicon_tpot_ms: expected a number above 0, found ''"),
    ("isl", "0", "isl: expected a number above 0, found '0'"),
    ("osl", "many", "osl: expected a number above 0, found 'many'"),
    ("tp_size", "nan", "tp_size: expected a number above 0, found 'nan'"),
    ("precision", "fp7", "precision fp7"),
    ("batch_size", "inf", "batch_size: expected a number above 0, found 'inf'"),
]


def write(path, rows):
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


def test_a_good_row_lacks_nothing():
    assert lacks(GOOD) == ""


@pytest.mark.parametrize(("column", "value", "reason"), BAD)
def test_a_bad_row_is_told_by_its_reason(column, value, reason):
    assert lacks({**GOOD, column: value}) == reason


def test_bad_rows_are_counted_and_the_others_are_read(tmp_path):
    data, missing = read([write(tmp_path / "rows.csv", [GOOD, *({**GOOD, c: v} for c, v, _ in BAD)])])
    assert len(data.rows) == 1 and sum(missing.values()) == len(BAD)
    assert data.rate[0] == pytest.approx(8 / (0.1 + 0.01 * 127))


def test_static_batches_are_scored_by_their_rate(tmp_path):
    row = {
        "Hardware": "Nvidia H100 GPU",
        "Num of Hardware": "1",
        "Framework": "vLLM",
        "Model": "meta-llama/Meta-Llama-3-8B",
        "Input Output Length": "128",
        "Batch Size": "16",
        "Latency": "1.2",
    }
    bad = [{**row, "Latency": "nan"}, {**row, "Framework": "llama.cpp"}, {**row, "Model": "acme/unknown"}]
    found, lacking = score_static(write(tmp_path / "static.csv", [row, *bad]))
    assert found["n"] == 1 and 0 < found["throughput_mdape"] < 1
    assert lacking["runtime llama.cpp"] == lacking["model acme/unknown"] == 1


def test_rows_that_differ_in_concurrency_alone_are_one_curve(tmp_path):
    levels = [{**GOOD, "batch_size": str(2**level), "silicon_ttft_ms": str(100 + level)} for level in range(5)]
    data, _ = read([write(tmp_path / "rows.csv", [*levels, {**GOOD, "isl": "2048", "silicon_ttft_ms": "300"}])])
    (curve,) = curves_of(data)
    assert data.points["concurrency"][list(curve.places)].tolist() == [1.0, 2.0, 4.0, 8.0, 16.0]
