"""The rows as plain data, for -o json."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rorqual_engine.simulation.run import Decided
from rorqual_operator.study.summary import Row


def document(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """One object a policy; null stands for what is not known, and for latencies without end."""
    return [{name: _plain(value) for name, value in asdict(row).items()} for row in rows]


def decisions(decided: Sequence[Decided]) -> list[dict[str, Any]]:
    """In their order."""
    return [asdict(one) for one in decided]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
