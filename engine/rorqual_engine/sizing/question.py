"""What the search is asked, and the hardware shapes that can answer."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from rorqual_engine.plan import Replica
from rorqual_engine.sizing.calibration import Calibration
from rorqual_engine.sizing.engine import Engine
from rorqual_engine.sizing.fit import Demand, Fit, Offer, fit_on
from rorqual_engine.sizing.memory import memory_budget
from rorqual_engine.sizing.objectives import CONFIDENCE, Objective
from rorqual_engine.sizing.pins import Pins
from rorqual_engine.sizing.replicas import may_be_best, staged_replicas, whole_replicas
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
    def replica(self) -> Replica:
        return self.fit.configuration.replica

    @property
    def most_sequences(self) -> int:
        return self.fit.configuration.max_concurrent_sequences or 1

    def __str__(self) -> str:
        return str(self.replica)


@dataclass(frozen=True, slots=True)
class Rejection:
    """An alternative that cannot be had, and why."""

    replica: Replica
    reason: str

    def __str__(self) -> str:
        return f"{self.replica}: {self.reason}"


def list_shapes(question: Question) -> tuple[list[Shape], list[Rejection]]:
    """Every shape that holds the model and may be best, and those in one stage that do not hold it."""
    shapes: list[Shape] = []
    rejected: list[Rejection] = []
    for place, offer in enumerate(question.offers):
        engines = _engines(question, offer)
        found = {
            replica: _shapes_on(question, place, offer, replica, engines) for replica in _replicas(question, offer)
        }
        rejected += (Rejection(one, _why_not(question, offer, one)) for one, fits in found.items() if not fits)
        shapes += (shape for fits in found.values() for shape in fits)
        served = {replica.gpus for replica, fits in found.items() if fits}
        shapes += _staged_shapes(question, place, offer, served)
    return shapes, rejected


def _replicas(question: Question, offer: Offer) -> list[Replica]:
    return whole_replicas(question.engine, question.pins, offer.gpu, offer.gpus_per_node)


def _staged_shapes(question: Question, place: int, offer: Offer, served: Collection[int]) -> Iterator[Shape]:
    """With the engine's own step size alone: the others hardly change what is chosen, and treble the time."""
    for replica in staged_replicas(question.engine, question.pins, offer.gpu, offer.gpus_per_node):
        if may_be_best(replica, offer.gpu, served):
            yield from _shapes_on(question, place, offer, replica, [question.engine])


def _shapes_on(
    question: Question, place: int, offer: Offer, replica: Replica, engines: Iterable[Engine]
) -> list[Shape]:
    if replica.gpus > offer.gpus_per_node:
        return []
    fits = (
        Shape(place, offer, engine, found)
        for engine in engines
        if (found := fit_on(engine, question.demand, question.pins, offer, replica)) is not None
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


def _why_not(question: Question, offer: Offer, replica: Replica) -> str:
    if replica.gpus > offer.gpus_per_node:
        return f"a node has {offer.gpus_per_node}"
    sequences, share = question.pins.max_concurrent_sequences or 1, question.pins.gpu_memory_share or 1.0
    degrees = (replica.tensor_parallel, sequences, share, replica.pipeline_parallel)
    budget = memory_budget(question.engine, offer.gpu, *degrees)
    needed = budget.needed(question.demand.least_tokens) / GIB
    return f"needs {needed:.1f} GiB on each for {question.demand.least_tokens:,} tokens, has {budget.total / GIB:.1f}"
