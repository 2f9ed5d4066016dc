"""The reference page of workloads, made from the registry."""

from collections.abc import Iterable, Sequence

from rorqual_engine.simulation.workloads.registry import POOLS, WORKLOADS
from rorqual_engine.simulation.workloads.workload import Pool, Workload

_HEAD = """\
# Workloads

Named requests for the simulator, each drawn from a seed: the same seed gives the same requests. This page is made from
`engine/rorqual_engine/simulation/workloads/` by `make generate`.

Lengths are tokens; `6000/0.8` is a lognormal distribution of median 6,000 whose logarithm has a standard deviation of
0.8. Arrivals are Poisson unless the notes say otherwise. A cold start begins with one replica. A warm one begins with
those that the demand of the opening needs: the first seconds, before anything changes, as if the time before had looked
like them.

"""
_COLUMNS = ("Name", "Requests", "Lasts", "Replicas", "Start", "Start-up", "Opening", "Source", "Notes")
_POOL_COLUMNS = ("Name", "What", "Lasts", "GPUs", "Services, the first with the highest priority")
_TAIL = """\

## Sources

- Planner Gym: the public recipes of NVIDIA Dynamo's comparison of scaling policies. What a recipe leaves open is
  decided here and marked "ours".
- Azure 2023: the Azure LLM inference traces, conversation and code, of the Azure Public Dataset
  (<https://github.com/Azure/AzurePublicDataset>), CC-BY 4.0. Arrivals were rounded to a millisecond.
- ServeGen m-large: rates in windows of ten minutes, of <https://github.com/alibaba/ServeGen>, Apache-2.0; arrivals
  inside a window and lengths are drawn. A longer file of such rates is read like any
  other trace.
- chat lengths: lognormal, with the medians and means of Azure's conversation trace.

Licences and changes stand beside the data, in `data/NOTICE`.

## Trace files

The first line tells the format.

- Azure: `TIMESTAMP,ContextTokens,GeneratedTokens`, as in the files of 2023 and of 2024. Arrivals count from the
  earliest.
- Mooncake, as Dynamo writes it too: JSON objects with `timestamp` (ms), `input_length`, `output_length` and `hash_ids`.
  What an earlier prompt began with counts as cached, unless the prefix cache is switched off.
- ServeGen: `t_s,req_per_s`. Arrivals are drawn, with lengths that must be given.
- plain: a CSV with one column each of arrivals, prompts and answers. Arrivals are seconds of the run (`arrival_s`,
  `arrival_seconds`, `offset_seconds`, `arrived_at`), or ISO 8601 or seconds that count from the earliest (`timestamp`,
  `time`, `arrival`, `arrival_time`). Prompts: `input_tokens`, `prompt_tokens`, `context_tokens`, `request_tokens`,
  `num_prefill_tokens` or `input_length`. Answers: `output_tokens`, `generated_tokens`, `completion_tokens`,
  `response_tokens`, `num_decode_tokens` or `output_length`. `cached_tokens` may be there. BurstGPT's and Vidur's files
  are of this kind.

0 tokens count as 1. A row that cannot be read refuses the file, with the number of its line, unless bad rows are to be
counted and left out.
"""


def render() -> str:
    """The page, as Markdown."""
    services = _table(_COLUMNS, map(_row, WORKLOADS.values()))
    pools = _table(_POOL_COLUMNS, map(_pool_row, POOLS.values()))
    return f"{_HEAD}## One service\n\n{services}\n\n## Several services on one pool\n\n{pools}\n{_TAIL}"


def _row(workload: Workload) -> tuple[str, ...]:
    return (
        f"`{workload.name}`",
        workload.description,
        _lasting(workload.duration_seconds),
        f"1 to {workload.max_replicas}",
        ", ".join(workload.starts),
        f"{', '.join(f'{seconds:g}' for seconds in workload.startup_seconds)} s",
        f"{workload.opening_seconds:g} s",
        workload.source,
        workload.notes,
    )


def _pool_row(pool: Pool) -> tuple[str, ...]:
    services = "; ".join(f"`{service.name}`: {service.description}" for service in pool.services)
    return (f"`{pool.name}`", pool.description, _lasting(pool.duration_seconds), str(pool.gpus), services)


def _lasting(seconds: float) -> str:
    if seconds < 600:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 36_000 else f"{seconds / 3600:.0f} h"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines).replace("|  |", "| |")
