"""A policy's decisions in words."""

from collections.abc import Iterator, Sequence

from rorqual_engine.simulation.run import Decided
from rorqual_operator.study.load import ALONE
from rorqual_operator.study.sweep import Run


def changes(decided: Sequence[Decided]) -> list[Decided]:
    """Those that changed the number of replicas."""
    return [one for one in decided if one.replicas != one.before]


def lines(run: Run, shown: Sequence[Decided]) -> Iterator[str]:
    """A headline, then one line a decision."""
    whose = run.policy if run.service in ALONE else f"{run.policy}, {run.service}"
    yield f"{whose}, seed {run.seed}: {len(run.decisions)} decisions, {len(changes(run.decisions))} changes"
    for one in shown:
        yield f"{one.at:>9.0f} s  {one.before:>3} -> {one.replicas:<3}  {one.why}"
