"""Policies as a command line names them.

`rorqual`, a rival's name, the beginning of several rivals' names up to a dash (`hpa` for all that begin with `hpa-`),
`all`, or a policy of one's own. Settings follow: `static@replicas=4`, `hpa-in-flight@target=32@tolerance=0.2`.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.simulation.operated import TICK_SECONDS, Operated, OperatedAlone
from rorqual_engine.simulation.plugins import GROUP, load_policy
from rorqual_engine.simulation.policy import Facts, Policy
from rorqual_engine.simulation.rivals.registry import RIVALS
from rorqual_operator.study.errors import StudyError

RORQUAL = "rorqual"
ALL = "all"
_SETTINGS = re.compile(r"(.*?)((?:@\w+=[^@,]*)*)")


@dataclass(frozen=True, slots=True)
class Choice:
    """One policy with its settings; plain data, so that another process can make it."""

    base: str
    settings: tuple[tuple[str, float], ...] = ()

    @property
    def name(self) -> str:
        return "@".join([self.base, *(f"{name}={value:g}" for name, value in self.settings)])

    @property
    def own(self) -> bool:
        """Whether it is neither Rorqual nor one of the rivals."""
        return self.base != RORQUAL and self.base not in RIVALS

    def make(self, facts: Facts, spec: LLMServiceSpec, gpus: int | None = None) -> Policy:
        """A fresh one for a run; Rorqual's is the operator's own `decide`, given the spec and the size of the pool."""
        settings = dict(self.settings)
        if self.base == RORQUAL:
            return _rorqual(spec, gpus, **settings)
        return _factory(self.base)(facts, **settings)

    def operated(self, specs: Mapping[str, LLMServiceSpec], gpus: int | None) -> Operated:
        """Rorqual for several services on one pool."""
        return _operated(specs, gpus, **dict(self.settings))


def _operated(
    specs: Mapping[str, LLMServiceSpec], gpus: int | None, *, goal: float | None = None, tick: float = TICK_SECONDS
) -> Operated:
    aimed = {name: spec if goal is None else with_goal(spec, goal) for name, spec in specs.items()}
    return Operated(aimed, gpus, tick)


def _rorqual(
    spec: LLMServiceSpec, gpus: int | None, *, goal: float | None = None, tick: float = TICK_SECONDS
) -> OperatedAlone:
    return OperatedAlone(spec if goal is None else with_goal(spec, goal), gpus, tick)


def with_goal(spec: LLMServiceSpec, goal: float) -> LLMServiceSpec:
    """The spec with that scaling.goal. Raises ValueError for one that cannot be."""
    body = spec.model_dump(by_alias=True, exclude_unset=True)
    body["scaling"] = {**body.get("scaling", {}), "goal": goal}
    return LLMServiceSpec.model_validate(body)


def with_priority(spec: LLMServiceSpec, priority: int) -> LLMServiceSpec:
    """The spec with that priority."""
    return spec.model_copy(update={"priority": priority})


def default(facts: Facts) -> str:
    """Rorqual, a popular one of each kind, and as many replicas as there may be."""
    return f"{RORQUAL},hpa-in-flight,keda-queue,dynamo-easy-throughput,static@replicas={facts.max_replicas}"


def choices(text: str, facts: Facts, spec: LLMServiceSpec) -> list[Choice]:
    """The policies named, each once, in their order; StudyError for one that cannot be made."""
    found = list(dict.fromkeys(one for part in text.split(",") if part.strip() for one in _named(part.strip())))
    if not found:
        raise StudyError(f"policy: expected names such as {RORQUAL},hpa,keda-queue; found none")
    for one in found:
        _try(one, facts, spec)
    return found


def _named(text: str) -> Iterator[Choice]:
    match = _SETTINGS.fullmatch(text)
    base, tail = match.groups() if match else (text, "")
    settings = tuple(_setting(text, part) for part in tail.split("@")[1:])
    for name in _members(base):
        yield Choice(name, settings)


def _setting(text: str, part: str) -> tuple[str, float]:
    name, _, value = part.partition("=")
    try:
        return name, float(value)
    except ValueError as error:
        raise StudyError(f"policy {text}: expected a number for {name}; found {value!r}") from error


def _members(base: str) -> list[str]:
    if base == ALL:
        return [RORQUAL, *RIVALS]
    if base == RORQUAL or base in RIVALS or ":" in base or base in _installed():
        return [base]
    family = [name for name in RIVALS if name.startswith(f"{base}-")]
    if family:
        return family
    known = [RORQUAL, ALL, *RIVALS, *_installed()]
    near = difflib.get_close_matches(base, known, n=3, cutoff=0.5) or sorted(known)
    raise StudyError(
        f"policy: expected one such as {', '.join(near)}, or package.module:Class or path/to/file.py:Class; "
        f"found {base!r}"
    )


def _installed() -> list[str]:
    return [point.name for point in entry_points(group=GROUP)]


def _factory(base: str) -> Callable[..., Policy]:
    return RIVALS[base].make if base in RIVALS else load_policy(base)


def _try(one: Choice, facts: Facts, spec: LLMServiceSpec) -> None:
    try:
        one.make(facts, spec)
    except (ValueError, TypeError) as error:
        told = str(error)
        raise StudyError(told if told.startswith("policy ") else f"policy {one.name}: {told}") from error
