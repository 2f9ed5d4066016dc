from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from rorqual_demo.cli import demo
from rorqual_demo.errors import DemoError
from rorqual_demo.plan import Request, make_plan
from rorqual_demo.profiles import PROFILES
from rorqual_sandbox.options import Engine

REQUEST = Request(Engine.SIM, minutes=4, compress=14.4, namespace="llm")
CHUNKS_A_SECOND = 1500  # what two cores carry beside everything else


@pytest.mark.parametrize("engine", Engine)
def test_each_engine_has_a_plan(engine: Engine) -> None:
    plan = make_plan(replace(REQUEST, engine=engine))
    assert plan.scene.key == "llm/chat"
    assert plan.manifest["metadata"]["namespace"] == "llm"
    assert plan.arrivals[0].offset_seconds < 1 and 238 < plan.arrivals[-1].offset_seconds < 240


@pytest.mark.parametrize("engine", Engine)
def test_the_load_stays_within_what_a_small_machine_carries(engine: Engine) -> None:
    plan = make_plan(replace(REQUEST, engine=engine))
    tokens = [0] * 24
    for one in plan.arrivals:
        tokens[int(one.offset_seconds // 10)] += one.output_tokens
    assert max(tokens) / 10 < CHUNKS_A_SECOND


@pytest.mark.parametrize("engine", Engine)
def test_requests_fit_the_context_window(engine: Engine) -> None:
    plan = make_plan(replace(REQUEST, engine=engine))
    longest = max(one.prompt_tokens + one.output_tokens for one in plan.arrivals)
    assert longest <= plan.manifest["spec"]["model"]["maxContextTokens"]


def test_the_objective_and_bounds_come_from_the_manifest(tmp_path: Path) -> None:
    manifest = yaml.safe_load(PROFILES[Engine.SIM].manifest_file.read_text())
    manifest["spec"]["objectives"]["ttft"] = {"p95": "250ms"}
    manifest["spec"]["scaling"]["maxReplicas"] = 3
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(manifest))
    scene = make_plan(replace(REQUEST, manifest=file)).scene
    assert (scene.ttft_objective_seconds, scene.max_replicas) == (0.25, 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: Pod\nmetadata: {name: a}", "kind LLMService, found 'Pod'"),
        ("[]", "expected one LLMService"),
        ("a: [", "mine.yaml"),
        ("kind: LLMService\nmetadata: {name: a}\nspec: {modle: x}", "no valid LLMService"),
        (
            "kind: LLMService\nmetadata: {name: a}\nspec: {model: {name: x}, hardware: [{gpu: NVIDIA-L4}]}",
            "no spec.objectives.ttft.p95",
        ),
    ],
)
def test_another_manifest_is_refused_with_words(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(DemoError, match=words):
        make_plan(replace(REQUEST, manifest=file))


def test_a_replay_longer_than_the_trace_is_refused_before_anything_starts(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(demo, ["--minutes", "60", "--out", str(tmp_path)])
    assert outcome.exit_code == 1
    assert "lower --minutes or --compress" in outcome.output
