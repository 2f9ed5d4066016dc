"""The command line, as far as it goes without a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from rorqual_sandbox import cli
from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.layout import Layout
from rorqual_sandbox.nodes import DEFAULT_FLEET
from rorqual_sandbox.options import Options


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RORQUAL_STATE_DIR", str(tmp_path))


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.sandbox, list(args))
    return result.exit_code, result.output


def test_down_of_nothing_is_no_error() -> None:
    assert run("down") == (0, "no sandbox default\n")
    assert run("down", "--all") == (0, "")


def test_status_of_nothing_says_what_to_do() -> None:
    code, output = run("status")
    assert code == 1 and "start it with `rorqual sandbox up`" in output


def test_a_crashed_sandbox_is_listed_and_can_be_cleared(tmp_path: Path) -> None:
    Layout(tmp_path / "sandbox" / "old").create()
    assert run("list") == (0, "old\tcrashed\n")
    assert run("down", "--name", "old") == (0, "sandbox old is down\n")
    assert run("list") == (0, "")


def test_gpus_are_counted() -> None:
    fleet = cli._fleet(None, ("NVIDIA-L40S=4", "NVIDIA-H200=2"))
    assert [(node.product, node.gpus) for node in fleet if node.gpus] == [("NVIDIA-L40S", 4), ("NVIDIA-H200", 2)]
    assert cli._fleet(None, ()) == DEFAULT_FLEET


@pytest.mark.parametrize("text", ["NVIDIA-L40S", "NVIDIA-L40S=x"])
def test_a_wrong_count_is_explained(text: str) -> None:
    code, output = run("up", "--gpu", text)
    assert code == 1 and "expected PRODUCT=COUNT" in output


@pytest.mark.parametrize("engine", ["sim", "vllm"])
def test_the_engine_is_chosen(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    asked: list[Options] = []

    def up(name: str, options: Options) -> None:
        asked.append(options)
        raise SandboxError("enough")

    monkeypatch.setattr(cli.Sandbox, "up", up)
    assert run("up", "--engine", engine, "--load-seconds", "1") == (1, "Error: enough\n")
    assert (asked[0].engine, asked[0].load_seconds) == (engine, 1.0)


def test_a_wrong_name_is_refused() -> None:
    code, output = run("up", "--name", "../x")
    assert code == 1 and "expected up to 40" in output
