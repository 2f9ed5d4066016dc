"""From what is asked to the runs and their rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.promise import read_promise
from rorqual_engine.simulation.facts import ITL_SECONDS, TTFT_SECONDS
from rorqual_engine.simulation.requests import Requests
from rorqual_engine.units import format_duration
from rorqual_operator.study import start
from rorqual_operator.study.asked import Asked
from rorqual_operator.study.errors import StudyError
from rorqual_operator.study.load import Draw, Load, alike, named_load, trace_load
from rorqual_operator.study.policies import choices, default, with_goal, with_priority
from rorqual_operator.study.subject import Subject, read_subject
from rorqual_operator.study.summary import Row, summarise
from rorqual_operator.study.sweep import Member, Run, Task, Workers, compile_kernel, sweep

NO_OBJECTIVES = (
    f"no objectives in the spec: requests are judged by TTFT {TTFT_SECONDS:g} s and TPOT {1000 * ITL_SECONDS:g} ms, "
    "and Rorqual scales by its reactive rule, as it would in a cluster"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that will run."""

    title: str
    subject: Subject
    load: Load
    tasks: Sequence[Task]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """All that ran."""

    plan: Plan
    runs: Sequence[Run]
    rows: Sequence[Row]

    @property
    def first_runs(self) -> list[Run]:
        """Each policy's runs with the first seed, in the order of the rows; all together is not one."""
        names = dict.fromkeys(row.policy for row in self.rows)
        return [
            run
            for name in names
            for run in self.runs
            if run.seed == 0 and run.policy == name and run.timeline is not None
        ]


def make_plan(asked: Asked) -> Plan:
    """StudyError for what cannot run."""
    load = _load(asked)
    subject = read_subject(asked.service, asked.startup)
    spec = subject.spec if asked.goal is None else with_goal(subject.spec, asked.goal)
    chosen = choices(asked.policy or default(subject.facts), subject.facts, spec)
    draws, notes = _draws(asked, load)
    if read_promise(spec) is None:
        notes = (*notes, NO_OBJECTIVES)
    members = [_members(asked, subject, spec, load, draw) for draw in draws]
    tasks = [
        Task(choice, subject.facts, of, seed, asked.startup_variation, asked.gpus or load.gpus)
        for choice in chosen
        for seed, of in enumerate(members)
    ]
    return Plan(_title(asked, subject, load, members), subject, load, tasks, notes)


def _members(asked: Asked, subject: Subject, spec: LLMServiceSpec, load: Load, draw: Draw) -> tuple[Member, ...]:
    """The services, the first with the highest priority."""
    count = len(load.services)
    return tuple(
        Member(
            name,
            spec if count == 1 else with_priority(spec, 100 * (count - 1 - place)),
            requests,
            _initial(asked, subject, load, requests),
        )
        for place, (name, requests) in enumerate(zip(load.services, draw, strict=True))
    )


def carry_out(plan: Plan, workers: Workers, told: Callable[[], None]) -> Results:
    """Runs every task; `told` hears whenever one is done."""
    compile_kernel(plan.subject.facts)
    runs = sweep(plan.tasks, workers, told)
    return Results(plan, runs, summarise(runs, plan.load.name, plan.subject.gpu_hour))


def _load(asked: Asked) -> Load:
    if asked.trace is not None and asked.workload is None:
        return trace_load(asked.trace)
    if asked.workload is not None and asked.trace is None:
        return named_load(asked.workload)
    raise StudyError("expected either --trace FILE or --workload NAME, such as --workload step")


def _draws(asked: Asked, load: Load) -> tuple[list[Draw], tuple[str, ...]]:
    """One seed is enough where nothing is drawn."""
    first = load.draws(min(2, asked.seeds))
    if len(first) == 2 and asked.startup_variation == 0 and alike(*first):
        return first[:1], (f"{load.name}: recorded, so every seed gives the same run; one seed is run",)
    return [*first, *(load.draw(seed) for seed in range(len(first), asked.seeds))], ()


def _initial(asked: Asked, subject: Subject, load: Load, requests: Requests) -> int:
    if _start(asked, load) == "cold":
        return start.cold(subject.facts)
    return start.warm(subject.facts, requests, load.opening_seconds)


def _start(asked: Asked, load: Load) -> str:
    return asked.start or ("warm" if "warm" in load.starts else "cold")


def _title(asked: Asked, subject: Subject, load: Load, members: Sequence[tuple[Member, ...]]) -> str:
    facts, first = subject.facts, members[0]
    begun = [one.initial_replicas for of in members for one in of]
    count = f"{min(begun)}" if min(begun) == max(begun) else f"{min(begun)} to {max(begun)}"
    requests = sum(len(one.requests) for one in first)
    seconds = max(one.requests.duration_seconds for one in first)
    gpus = asked.gpus or load.gpus
    return (
        f"{load.name}: {requests:,} requests in {format_duration(seconds)} for {_who(subject, load)} "
        f"({subject.model}), {facts.min_replicas} to {facts.max_replicas} replicas of {facts.gpus_per_replica} GPU, "
        f"{f'{gpus} GPUs in all, ' if gpus else ''}"
        f"start-up {format_duration(asked.startup)}, {_start(asked, load)} start with {count}, seeds: {len(members)}"
    )


def _who(subject: Subject, load: Load) -> str:
    return subject.name if len(load.services) == 1 else f"{len(load.services)} services like {subject.name}"
