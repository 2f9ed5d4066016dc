"""Azure's LLM inference traces: TIMESTAMP, ContextTokens, GeneratedTokens; conversation and code, of 2023 and 2024.

https://github.com/Azure/AzurePublicDataset. The files of 2023 have seven digits after the point and no offset, those of
2024 six digits and +00:00.
"""

from collections.abc import Iterable

from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.traces.columns import Column, header_of, read_columns
from rorqual_engine.simulation.traces.errors import OnBadRow, TraceError, refuse
from rorqual_engine.simulation.traces.fields import MOMENT, WHOLE

HEADER = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"]
_COLUMNS = [
    Column(name, place, kind) for place, (name, kind) in enumerate(zip(HEADER, (MOMENT, WHOLE, WHOLE), strict=True))
]


def read_azure(lines: Iterable[str], on_bad: OnBadRow = refuse) -> Requests:
    """Arrivals count from the earliest request; 0 tokens count as 1."""
    rest = iter(lines)
    header = header_of(rest, ",".join(HEADER))
    if header != HEADER:
        raise TraceError(f"line 1: expected {','.join(HEADER)}; found {','.join(header)!r}")
    moments, prompts, answers = read_columns(rest, _COLUMNS, len(HEADER), on_bad)
    return requests_of(moments - moments.min(), prompts, answers)
