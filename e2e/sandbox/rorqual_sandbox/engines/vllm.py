"""vLLM's image played by vLLM itself, on the CPU, with a tiny model of random weights.

Flags that shape scheduling (`--max-num-seqs`, `--max-num-batched-tokens`, …) reach a real engine; those that
are about GPUs are dropped, and the model is replaced by one that a CPU can run, served under the name asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from rorqual_sandbox.engines.command import ServeCommand, parse_serve, parse_tokens
from rorqual_sandbox.engines.launch import Launch, Places, Request
from rorqual_sandbox.engines.tiny_model import CONTEXT_TOKENS
from rorqual_sandbox.engines.vllm_install import Installation

_KEPT = (
    "max-num-seqs",
    "max-num-batched-tokens",
    "enable-prefix-caching",
    "no-enable-prefix-caching",
    "enable-chunked-prefill",
    "no-enable-chunked-prefill",
    "block-size",
    "num-gpu-blocks-override",
    "seed",
    "scheduling-policy",
    "shutdown-timeout",
)
_READ = {*_KEPT, "served-model-name", "port", "host", "max-model-len"}


@dataclass(frozen=True)
class RealVllm:
    """The adaptor; the installation must be there already (`up --engine vllm` makes it)."""

    places: Places

    def prepare(self, request: Request) -> Launch:
        """vLLM's command line for a CPU."""
        command = parse_serve(request.command, request.args)
        installation = Installation.under(self.places.cache)
        dropped = sorted(flag for flag in command.flags if flag not in _READ)
        argv = (
            str(installation.vllm),
            "serve",
            str(installation.model),
            *cpu_flags(command, request.pod_ip),
        )
        notes = (f"not for a CPU, dropped: --{', --'.join(dropped)}",) if dropped else ()
        return Launch(argv, environment(installation), notes=notes)


def cpu_flags(command: ServeCommand, pod_ip: str) -> list[str]:
    """Flags for the tiny model on a CPU, listening on the pod's address alone."""
    asked = parse_tokens(command.value("max-model-len") or "auto")
    flags = [
        "--served-model-name",
        *command.served_names,
        f"--host={pod_ip}",
        f"--port={command.value('port', '8000')}",
        "--load-format=dummy",
        "--dtype=float32",
        "--enforce-eager",
        f"--max-model-len={min(asked or CONTEXT_TOKENS, CONTEXT_TOKENS)}",
    ]
    kept = ["=".join([f"--{flag}", *command.flags[flag]]) for flag in _KEPT if flag in command.flags]
    return [*flags, *kept]


def environment(installation: Installation) -> dict[str, str]:
    """No network, one GiB of KV cache, one thread: two engines fit on a small machine.

    The hub's cache is the sandbox's own: a pod's HF_HOME is a path in a container that is not there.
    """
    return {
        "HF_HOME": str(installation.root / "huggingface"),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
    }
