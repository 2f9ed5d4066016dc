"""One measured operating point of an engine: what calibration learns from."""

import math
from dataclasses import dataclass, fields

from rorqual_engine.units import format_duration


class MeasurementError(ValueError):
    """A figure that no measurement can give; the message names it."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One operating point of one replica, steady for a while. Latencies are medians over requests."""

    concurrency: float
    """Mean requests in flight."""
    input_tokens: float
    output_tokens: float
    ttft_seconds: float
    tpot_seconds: float
    requests_per_second: float
    prefix_hit_rate: float | None = None
    """Share of the prompts' tokens that the prefix cache held, 0..1; None where it was not told."""

    def __post_init__(self) -> None:
        for figure in fields(self):
            value = getattr(self, figure.name)
            if figure.name != "prefix_hit_rate" and not (math.isfinite(value) and value > 0):
                raise MeasurementError(f"{figure.name} is {value}: expected a finite number above 0")
        if self.prefix_hit_rate is not None and not 0 <= self.prefix_hit_rate <= 1:
            raise MeasurementError(f"prefix_hit_rate is {self.prefix_hit_rate}: expected 0 to 1")

    def __str__(self) -> str:
        return (
            f"{self.concurrency:.3g} in flight: TTFT {format_duration(self.ttft_seconds)}, "
            f"TPOT {format_duration(self.tpot_seconds)}, {self.requests_per_second:.3g} requests/s"
        )

    @property
    def residence_seconds(self) -> float:
        """Time of one request in the engine."""
        return self.ttft_seconds + self.tpot_seconds * max(0.0, self.output_tokens - 1)
