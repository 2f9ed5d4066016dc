"""What the search is asked, and the hardware shapes that can answer."""

from dataclasses import dataclass, replace

from rorqual_engine.sizing.calibration import Calibration
from rorqual_engine.sizing.engine import Engine
from rorqual_engine.sizing.fit import Demand, Fit, Offer, fit_on, tensor_parallel_choices
from rorqual_engine.sizing.memory import memory_budget
from rorqual_engine.sizing.objectives import CONFIDENCE, Objective
from rorqual_engine.sizing.pins import Pins
from rorqual_engine.sizing.spread import UNTOLD, Spread
from rorqual_engine.units import GIB

BATCHED_TOKENS = (2048, 8192)
"""Tokens of one step that are tried besides the engine's default: vLLM's two defaults."""


@dataclass(frozen=True, slots=True)
class Question:
    """A service as the search sees it. Hashable: the same question has the same answer."""

    engine: Engine
    pins: Pins
    demand: Demand
    offers: tuple[Offer, ...]
    """In the order in which they are preferred."""
    input_tokens: float
    output_tokens: float
    prefix_hit_rate: float = 0.0
    prompts: Spread = UNTOLD
    answers: Spread = UNTOLD
    objectives: tuple[Objective, ...] = ()
    requests_per_second: float | None = None
    """Arrivals to be served; None asks for the least cost of a request."""
    max_replicas: int | None = None
    confidence: float = CONFIDENCE
    calibration: Calibration | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """GPUs of one offer on which the model fits, with its memory at the most sequences that fit."""

    place: int
    """Of the offer in the question."""
    offer: Offer
    engine: Engine
    fit: Fit

    @property
    def tensor_parallel(self) -> int:
        return self.fit.configuration.tensor_parallel

    @property
    def most_sequences(self) -> int:
        return self.fit.configuration.max_concurrent_sequences or 1

    def __str__(self) -> str:
        return f"{self.tensor_parallel} x {self.offer.gpu.product}"


@dataclass(frozen=True, slots=True)
class Rejection:
    """An alternative that cannot be had, and why."""

    gpu: str
    gpus: int
    reason: str

    def __str__(self) -> str:
        return f"{self.gpus} x {self.gpu}: {self.reason}"


def list_shapes(question: Question) -> tuple[list[Shape], list[Rejection]]:
    """Every shape that holds the model, and those that do not."""
    shapes: list[Shape] = []
    rejected: list[Rejection] = []
    for place, offer in enumerate(question.offers):
        pinned = question.pins.tensor_parallel
        counts = [pinned] if pinned else tensor_parallel_choices(question.engine, offer.gpus_per_node)
        for count in counts:
            found = _shapes_on(question, place, offer, count)
            shapes += found
            if not found:
                rejected.append(Rejection(offer.gpu.product, count, _why_not(question, offer, count)))
    return shapes, rejected


def _shapes_on(question: Question, place: int, offer: Offer, count: int) -> list[Shape]:
    if count > offer.gpus_per_node:
        return []
    fits = (
        Shape(place, offer, engine, found)
        for engine in _engines(question, offer)
        if (found := fit_on(engine, question.demand, question.pins, offer, count)) is not None
    )
    return list(fits)


def _engines(question: Question, offer: Offer) -> list[Engine]:
    """The engine with its own step size, and with the others where the spec leaves it open."""
    engine = question.engine
    if engine.batched_tokens is not None or not question.objectives:
        return [engine]
    own = engine.tokens_per_step(offer.gpu)
    return [
        engine,
        *(replace(engine, batched_tokens=tokens, chosen_tokens=tokens) for tokens in BATCHED_TOKENS if tokens != own),
    ]


def _why_not(question: Question, offer: Offer, count: int) -> str:
    if count > offer.gpus_per_node:
        return f"a node has {offer.gpus_per_node}"
    share = question.pins.gpu_memory_share or 1.0
    budget = memory_budget(question.engine, offer.gpu, count, question.pins.max_concurrent_sequences or 1, share)
    needed = budget.needed(question.demand.least_tokens) / GIB
    return f"needs {needed:.1f} GiB on each for {question.demand.least_tokens:,} tokens, has {budget.total / GIB:.1f}"
