"""vLLM's image played by llm-d-inference-sim.

Defaults that make a small GPU's figures: 150 ms to the first token, 15 ms between tokens, both twice as long
at full occupancy. The annotation below adds flags of the simulator's own, of which the last wins.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from rorqual_sandbox.engines.command import ServeCommand, parse_serve, parse_tokens
from rorqual_sandbox.engines.launch import Launch, LaunchRefusedError, Places, Request

ARGS_ANNOTATION = "sandbox.rorqual.io/sim-args"
DELAY_ANNOTATION = "sandbox.rorqual.io/start-delay"
BLOCKS_ANNOTATION = "sandbox.rorqual.io/kv-cache-blocks"

_SAME = ("block-size", "seed", "max-loras", "max-cpu-loras", "enable-request-id-headers", "enable-sleep-mode")
_READ = {*_SAME, "served-model-name", "port", "max-num-seqs", "max-model-len", "num-gpu-blocks-override", "host"}
_LATENCY = ("--time-to-first-token=150ms", "--inter-token-latency=15ms", "--time-factor-under-load=2.0")
_DEFAULTS = {"port": "8000", "max-num-seqs": "256", "max-model-len": "8192", "blocks": "16384"}
_DURATION = re.compile(r"(\d+(\.\d+)?(ms|s|m|h))+")


@dataclass(frozen=True)
class Simulator:
    """The adaptor; `load_seconds` is how long a model takes to load where the pod does not say."""

    places: Places
    load_seconds: float

    def prepare(self, request: Request) -> Launch:
        """The simulator's command line for vLLM's."""
        command = parse_serve(request.command, request.args)
        ignored = sorted(flag for flag in command.flags if flag not in _READ)
        argv = (
            str(self.places.bin / "engine"),
            *simulator_flags(command, request.annotations.get(BLOCKS_ANNOTATION)),
            *shlex.split(request.annotations.get(ARGS_ANNOTATION, "")),
        )
        notes = (f"the simulator ignores --{', --'.join(ignored)}",) if ignored else ()
        env = {"POD_IP": request.pod_ip, "ENGINE_LOAD_TIME": self._load_time(request)}
        return Launch(argv, env, notes=notes)

    def _load_time(self, request: Request) -> str:
        text = request.annotations.get(DELAY_ANNOTATION, f"{self.load_seconds}s")
        if not _DURATION.fullmatch(text):
            raise LaunchRefusedError("RunContainerError", f"{DELAY_ANNOTATION}: expected such as 5s, found {text!r}")
        return text


def simulator_flags(command: ServeCommand, blocks: str | None = None) -> list[str]:
    """Flags of llm-d-inference-sim for what vLLM was told."""
    tokens = parse_tokens(command.value("max-model-len") or _DEFAULTS["max-model-len"])
    flags = [
        f"--model={command.model}",
        "--force-dummy-tokenizer",
        "--enable-kvcache",
        f"--port={command.value('port', _DEFAULTS['port'])}",
        f"--max-num-seqs={command.value('max-num-seqs', _DEFAULTS['max-num-seqs'])}",
        f"--max-model-len={tokens or _DEFAULTS['max-model-len']}",
        f"--kv-cache-size={blocks or command.value('num-gpu-blocks-override', _DEFAULTS['blocks'])}",
        *_LATENCY,
        "--served-model-name",
        *command.served_names,
    ]
    kept = ["=".join([f"--{flag}", *command.flags[flag]]) for flag in _SAME if flag in command.flags]
    return [*flags, *kept]
