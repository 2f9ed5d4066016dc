"""Every policy on every seed's requests, on all cores or on a Ray cluster."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import joblib
import numpy as np

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.simulation.policy import Decision, Facts, Policy, View
from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.rivals.static import Static
from rorqual_engine.simulation.run import Controller, Decided, Scenario, Separate, Service, simulate
from rorqual_engine.simulation.score import Score, score
from rorqual_operator.study.errors import StudyError
from rorqual_operator.study.policies import RORQUAL, Choice
from rorqual_operator.study.timeline import Timeline, timeline

_NAME = "service"
TOGETHER = "all"
"""Name of what several services did together."""


@dataclass(frozen=True, slots=True)
class Member:
    """One service of a run."""

    name: str
    spec: LLMServiceSpec
    requests: Requests
    initial_replicas: int


@dataclass(frozen=True, slots=True)
class Task:
    """One run to do: services that are alike but for their requests and priorities, the highest first."""

    choice: Choice
    facts: Facts
    members: tuple[Member, ...]
    seed: int
    startup_variation: float = 0.0
    gpus: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One service of a run that is done, or all together."""

    policy: str
    seed: int
    service: str
    score: Score
    decisions: tuple[Decided, ...] = ()
    timeline: Timeline | None = None
    """None for all together."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Where runs are done."""

    jobs: int
    """At once; -1 for as many as there are cores."""
    ray: str | None = None
    """Address of a Ray cluster; empty for one on this machine, None for processes without Ray."""


def sweep(tasks: Sequence[Task], workers: Workers, told: Callable[[], None]) -> list[Run]:
    """The runs in the order of their tasks; `told` hears whenever a task is done."""
    with _backend(workers):
        parallel = joblib.Parallel(n_jobs=workers.jobs, max_nbytes=None, return_as="generator")
        done: list[Run] = []
        for runs in parallel(joblib.delayed(run_one)(task) for task in tasks):
            told()
            done += runs
    return done


def compile_kernel(facts: Facts) -> None:
    """Compiles what a run needs, once for all processes: numba keeps it beside the code."""
    one = requests_of(np.zeros(1), np.ones(1), np.ones(1), 1.0)
    simulate(Scenario({_NAME: Service(facts, one)}), Separate({_NAME: Static(facts)}))


def run_one(task: Task) -> list[Run]:
    """Simulates one policy on one seed's requests: one Run a service and, of several, one for all together."""
    outcomes = simulate(_scenario(task), _controller(task))
    name, seed = task.choice.name, task.seed
    runs = [Run(name, seed, service, score(one), one.decisions, timeline(one)) for service, one in outcomes.items()]
    return runs if len(runs) == 1 else [Run(name, seed, TOGETHER, score(*outcomes.values())), *runs]


def _scenario(task: Task) -> Scenario:
    services = {
        one.name: Service(
            task.facts, one.requests, one.initial_replicas, task.startup_variation, priority=one.spec.priority
        )
        for one in task.members
    }
    return Scenario(services, gpus=task.gpus, seed=task.seed)


def _controller(task: Task) -> Controller:
    """Rorqual decides for all services together, as in a cluster; any other policy for each by itself."""
    choice = task.choice
    if len(task.members) > 1 and choice.base == RORQUAL:
        return choice.operated({one.name: one.spec for one in task.members}, task.gpus)
    return Separate({one.name: _guarded(choice, choice.make(task.facts, one.spec, task.gpus)) for one in task.members})


class _Guarded:
    """A user's policy, whose failure is told with the place in their code."""

    def __init__(self, name: str, policy: Policy) -> None:
        self._name, self._policy = name, policy
        self.interval_seconds = policy.interval_seconds

    def decide(self, view: View) -> Decision:
        try:
            return self._policy.decide(view)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{last.filename}:{last.lineno}"
            raise StudyError(f"policy {self._name}: fails at {view.now:g} s in {place}: {error!r}") from error


def _guarded(choice: Choice, policy: Policy) -> Policy:
    return _Guarded(choice.name, policy) if choice.own else policy


@contextmanager
def _backend(workers: Workers) -> Iterator[None]:
    if workers.ray is None:
        yield
        return
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError as error:
        raise StudyError("--ray needs Ray: pip install ray") from error
    try:
        ray.init(address=workers.ray or None, logging_level="ERROR", log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise StudyError(f"--ray {workers.ray}: expected a Ray cluster that answers; found: {error}") from error
    register_ray()
    with joblib.parallel_backend("ray"):
        yield
