"""The adapter to AIConfigurator: what it asks, and what it makes of recorded answers."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from rorqual_engine.sizing.performance import Load, predict_many
from rorqual_operator.oracle.aiconfigurator import PACKAGE, AIConfigurator, OracleError, predictions_of, question_of

from .points import A100, CHAT, H100, POINTS, RECORDED, a_setting

ENVIRONMENT = "RORQUAL_ORACLE_PYTHON"
SETTINGS, LOADS = zip(*POINTS, strict=True)


def recorded() -> list[dict]:
    return [json.loads(line) for line in RECORDED.read_text().splitlines()]


@pytest.fixture
def replayed(tmp_path: Path) -> Path:
    """A program in place of its Python, which answers what was recorded."""
    program = tmp_path / "python"
    program.write_text(
        f"""#!{sys.executable}
import json, sys
recorded = [json.loads(line) for line in open({str(RECORDED)!r})]
for line in sys.stdin:
    print(json.dumps(next(r["answer"] for r in recorded if r["question"] == json.loads(line))))
"""
    )
    program.chmod(0o755)
    return program


def test_what_is_asked_is_what_was_recorded() -> None:
    assert [question_of(*point) for point in POINTS] == [entry["question"] for entry in recorded()]


def test_recorded_answers_become_predictions(replayed: Path) -> None:
    told: list[tuple[int, int]] = []
    oracle = AIConfigurator(replayed, lambda done, of: told.append((done, of)))
    found = oracle.predict(SETTINGS, LOADS)
    assert found.ttft_seconds.value[0] == pytest.approx(0.07485, rel=1e-3)
    assert found.tpot_seconds.value[1] == pytest.approx(0.006163, rel=1e-3)
    assert np.isfinite(found.tpot_seconds.value).tolist() == [True, True, True, False]
    assert told[0] == (0, 4) and told[-1] == (4, 4)
    assert oracle.refusals == {"PerfDataNotAvailableError: perf database error: GEMM perf data missing for quant "
                               "'int4_wo'": 1}  # fmt: skip


def test_the_same_point_is_asked_once(replayed: Path) -> None:
    told: list[int] = []
    found = AIConfigurator(replayed, lambda _, of: told.append(of)).predict(SETTINGS[:1] * 3, LOADS[:1] * 3)
    assert set(told) == {1}
    assert len(set(found.tpot_seconds.value.tolist())) == 1


def test_the_rate_follows_from_littles_law() -> None:
    found = predictions_of([{"ttft": 0.5, "tpot": 0.01}], [Load(8, 100, 51)])
    assert found.requests_per_second.value.tolist() == [8.0]
    assert found.tokens_per_second.value.tolist() == [408.0]
    assert np.isnan(found.ttft_seconds.high).all()


@pytest.mark.parametrize(
    "setting",
    [
        a_setting(gpu="NVIDIA-L40"),
        a_setting(pace=0.5),
        a_setting(pipeline_parallel=2),
        a_setting(accepted_tokens=2.0),
        a_setting(kv_bytes=4),
        a_setting(precision="int8"),
    ],
    ids=["GPU", "slice", "pipeline", "speculative", "fp32 cache", "int8"],
)
def test_it_is_not_asked_what_it_has_no_words_for(setting, replayed: Path) -> None:
    assert question_of(setting, CHAT) is None
    assert np.isnan(AIConfigurator(replayed, lambda *_: None).predict([setting], [CHAT]).ttft_seconds.value).all()


def test_a_checkpoint_keeps_its_own_precision() -> None:
    question = question_of(a_setting("deepseek-ai/DeepSeek-V3", precision="fp8", tensor_parallel=8), CHAT)
    assert question is not None and question["gemm"] == ""
    assert (question["moe_tp"], question["moe_ep"]) == (8, 1)


def test_a_missing_environment_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(OracleError, match=f"pip install {PACKAGE}"):
        AIConfigurator(tmp_path / "python", lambda *_: None)


def test_a_python_without_it_is_told() -> None:
    with pytest.raises(OracleError, match=r"after 0 of 1 points: .*No module named 'aiconfigurator'"):
        AIConfigurator(Path(sys.executable), lambda *_: None).predict(SETTINGS[:1], LOADS[:1])


def test_answers_that_are_no_json_are_told(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\ncat >/dev/null; echo hello\n")
    with pytest.raises(OracleError, match="cannot be asked"):  # not executable
        AIConfigurator(program, lambda *_: None).predict(SETTINGS[:1], LOADS[:1])
    program.chmod(0o755)
    with pytest.raises(OracleError, match="answers no JSON"):
        AIConfigurator(program, lambda *_: None).predict(SETTINGS[:1], LOADS[:1])


def test_the_real_one_is_of_the_laws_order() -> None:
    """AIConfigurator itself: a GPU with more bandwidth is faster, and both are near the law."""
    python = os.environ.get(ENVIRONMENT)
    if not python:
        pytest.skip(f"{ENVIRONMENT} is not set: expected the Python of an environment with {PACKAGE}")
    settings, loads = [a_setting(gpu=H100), a_setting(gpu=A100)], [CHAT] * 2
    found = AIConfigurator(Path(python), lambda *_: None).predict(settings, loads).tpot_seconds.value
    assert found[0] < found[1]
    assert found == pytest.approx(predict_many(settings, loads).tpot_seconds.value, rel=0.5)
