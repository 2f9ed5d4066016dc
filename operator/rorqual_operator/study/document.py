"""The rows as plain data, for -o json."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rorqual_engine.simulation.run import Decided
from rorqual_operator.study.summary import Row
from rorqual_operator.study.sweep import Run


def document(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """One object a policy; null stands for what is not known, and for latencies without end."""
    return [{name: _plain(value) for name, value in asdict(row).items()} for row in rows]


def with_runs(rows: Sequence[dict[str, Any]], runs: Sequence[Run]) -> Iterator[tuple[dict[str, Any], Run]]:
    """Each run beside its policy's row of its service."""
    alone = len({run.service for run in runs}) == 1
    for run in runs:
        yield (
            next(
                row
                for row in rows
                if row["policy"] == run.policy and (alone or row["workload"].endswith(f"/{run.service}"))
            ),
            run,
        )


def decisions(decided: Sequence[Decided]) -> list[dict[str, Any]]:
    """In their order."""
    return [asdict(one) for one in decided]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
