"""What differs between the demo on the simulator and on real vLLM: how much load, and how long things take."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from rorqual_demo.prompts import LetterPrompts, WordPrompts
from rorqual_sandbox.options import Engine

MakePrompt = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Profile:
    """Load that two CPU cores carry beside the sandbox and the operator.

    `one_in`, `shorten` and `longest_tokens` as in `trace.Scaling`; `ready_seconds` bounds the first replica's start.
    """

    engine: Engine
    words: str
    manifest: str
    one_in: int
    shorten: float
    longest_tokens: int
    ready_seconds: float
    prompts: Callable[[random.Random], MakePrompt]

    @property
    def manifest_file(self) -> Traversable:
        return resources.files("rorqual_demo") / "data" / self.manifest


PROFILES = {
    Engine.SIM: Profile(
        engine=Engine.SIM,
        words="simulated vLLM (llm-d-inference-sim) on pretended GPUs",
        manifest="chat.yaml",
        one_in=3,
        shorten=8,
        longest_tokens=3500,
        ready_seconds=90,
        prompts=WordPrompts,
    ),
    Engine.VLLM: Profile(
        engine=Engine.VLLM,
        words="real vLLM on the CPU, tiny random model, pretended GPUs",
        manifest="chat-vllm.yaml",
        one_in=30,
        shorten=1,
        longest_tokens=1000,
        ready_seconds=300,
        prompts=LetterPrompts,
    ),
}
