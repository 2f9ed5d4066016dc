"""Workloads from published traces; the data and its licences stand in `data/` (see data/NOTICE)."""

import gzip
from collections.abc import Callable
from functools import cache
from importlib import resources

import numpy as np

from rorqual_engine.simulation.lengths import Exponential
from rorqual_engine.simulation.requests import Requests
from rorqual_engine.simulation.reshape import scale_rate
from rorqual_engine.simulation.traces.plain import read_plain
from rorqual_engine.simulation.traces.servegen import Draw, Rates, draw_at, read_rates
from rorqual_engine.simulation.workloads.shapes import CHAT_INPUTS
from rorqual_engine.simulation.workloads.workload import Workload

DAY = 86_400.0
SERVEGEN_DRAW = Draw(input_tokens=CHAT_INPUTS, output_tokens=Exponential(211), factor=0.1, cv=1.5)
"""A tenth of the rates keeps the peak within eight replicas; ServeGen's file has no lengths."""


@cache
def azure_trace(service: str) -> Requests:
    """All of Azure's trace of 2023; `service` is conv or code."""
    return read_plain(_lines(f"azure_{service}_2023.csv.gz"))


@cache
def servegen_rates() -> Rates:
    """Two days of m-large: windows of ten minutes."""
    return read_rates(_lines("servegen_m-large_two_days.csv.gz"))


def servegen(
    name: str, description: str, rates: Callable[[], Rates], days: float, draw: Draw = SERVEGEN_DRAW
) -> Workload:
    """Requests drawn at rates such as the two weeks of ServeGen's own file; `rates` is called when they are drawn."""
    return Workload(
        name=name,
        description=description,
        source="ServeGen m-large",
        duration_seconds=days * DAY,
        make=lambda generator: draw_at(rates(), draw, generator),
        opening_seconds=600.0,
        notes=(
            f"rates × {draw.factor:g}; {draw.family} arrivals, CV {draw.cv:g}; "
            f"inputs {draw.input_tokens}, outputs {draw.output_tokens}"
        ),
    )


def _lines(file: str) -> list[str]:
    packed = resources.files(__package__).joinpath("data", file).read_bytes()
    return gzip.decompress(packed).decode().splitlines()


def _as_recorded(service: str) -> Callable[[np.random.Generator], Requests]:
    return lambda _: azure_trace(service)


def _scaled(service: str, factor: float) -> Callable[[np.random.Generator], Requests]:
    return lambda generator: scale_rate(azure_trace(service), factor, generator)


def _azure(service: str, title: str, seconds: float, factor: float) -> tuple[Workload, Workload]:
    recorded = Workload(
        name=f"azure-{service}",
        description=f"nearly an hour of a production {title} service, as recorded",
        source="Azure 2023",
        duration_seconds=seconds,
        make=_as_recorded(service),
        notes="the seed changes nothing",
    )
    scaled = Workload(
        name=f"azure-{service}-x{factor:g}",
        description=f"azure-{service} with {factor:g} times the requests",
        source="Azure 2023",
        duration_seconds=seconds,
        make=_scaled(service, factor),
        notes="each request and copies of it within ±5 s",
    )
    return recorded, scaled


WORKLOADS = (
    *_azure("conv", "chat", 3501.722, 5.0),
    *_azure("code", "code completion", 3435.948, 10.0),
    servegen("servegen-day", "one day of a production service", lambda: servegen_rates().between(0.0, DAY), 1.0),
    servegen("servegen-two-days", "two days of a production service", servegen_rates, 2.0),
)
