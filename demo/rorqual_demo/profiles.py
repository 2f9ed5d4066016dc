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

    `one_in` to `longest_answer` as in `trace.Scaling`; `ready_seconds` bounds the first replica's start.
    """

    engine: Engine
    words: str
    manifest: str
    one_in: int
    shorten: float
    longest_prompt: int
    longest_answer: int
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
        one_in=2,
        shorten=4,
        longest_prompt=3600,
        longest_answer=25,  # without a bound, answers are longer when requests are fewer, and the load is flat
        ready_seconds=90,
        prompts=WordPrompts,
    ),
    Engine.VLLM: Profile(
        engine=Engine.VLLM,
        words="real vLLM on the CPU, tiny random model, pretended GPUs",
        manifest="chat-vllm.yaml",
        one_in=20,  # an engine takes a core as soon as it works on anything, and there are two
        shorten=2,
        longest_prompt=1000,
        longest_answer=200,
        ready_seconds=300,
        prompts=LetterPrompts,
    ),
}
