"""vLLM on this machine's GPU with made-up weights: what it takes and how fast it is does not depend on them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from rorqual_sandbox.engines.tiny_model import write_tokenizer
from rorqual_sandbox.handle import MODEL_PROCESS

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
SERVE = (sys.executable, "-m", "vllm.entrypoints.openai.api_server")


def write_model(folder: Path, config: Mapping[str, Any]) -> Path:
    """A folder that vLLM serves with `--load-format dummy`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@dataclass(slots=True)
class Vllm:
    """One engine, and its processes."""

    name: str
    model: Path
    port: int
    flags: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    created_at: float = 0.0
    restarts: int = 0
    last_restart_at: float | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [*SERVE, "--model", str(self.model), "--served-model-name", "model", "--load-format", "dummy"]
        command += ["--host", "127.0.0.1", "--port", str(self.port), *self.flags]
        self.created_at = time.time()
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command, env={**os.environ, **OFFLINE, **self.environment}, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip

    def restart(self) -> None:
        """As a kubelet does with a container that has ended."""
        self.last_restart_at, self.restarts, created = time.time(), self.restarts + 1, self.created_at
        self.start()
        self.created_at = created

    def healthy(self) -> bool:
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer,
        ):
            return bool(answer.status == 200)
        return False

    def signal(self, number: signal.Signals, core_only: bool = False) -> None:
        """To all of its processes, or to the one with the model alone."""
        for one in self._processes():
            if not core_only or MODEL_PROCESS in _title(one):
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.send_signal(number)

    def _processes(self) -> list[psutil.Process]:
        if self.process is None:
            return []
        try:
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def stop(self) -> None:
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


def _title(process: psutil.Process) -> str:
    try:
        return process.name() + " ".join(process.cmdline())
    except psutil.Error:
        return ""


def wait_healthy(engines: Iterable[Vllm], seconds: float) -> None:
    """Raises TimeoutError with the end of the log of one that does not come, and RuntimeError of one that ended."""
    deadline, waiting = time.monotonic() + seconds, list(engines)
    while waiting := [one for one in waiting if not one.healthy()]:
        for one in waiting:
            if one.process is not None and one.process.poll() is not None:
                raise RuntimeError(f"{one.name} ended:\n{one.log.read_text()[-4000:]}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{one.name} not healthy in {seconds:g} s:\n{one.log.read_text()[-4000:]}")
        time.sleep(0.5)
