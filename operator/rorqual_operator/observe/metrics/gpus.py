"""What dcgm-exporter tells of pods' GPUs, by way of Prometheus: three queries a round, one where it tells nothing."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rorqual_engine.catalog import dcgm_metrics as names
from rorqual_engine.snapshot import GPU
from rorqual_operator.observe.metrics.client import ask, connect
from rorqual_operator.observe.reflector import Key

FRESH = "90s"
RECENT = "10m"
"""Errors that came within it."""
_NAMES = "|".join(name for candidates in names.GAUGES.values() for name in candidates)
_KNOWN_BEFORE = f"max by (UUID) ({names.GAUGES['temperature_celsius'][0]} offset {RECENT})"
_XID = f"max by (UUID) (last_over_time({names.XID}[{FRESH}]))"

GAUGES = f'last_over_time({{__name__=~"{_NAMES}"}}[{FRESH}])'
# The gauge holds the last error for good. It is news where it was another one before, on a GPU that was watched then.
# By UUID: another pod on the same GPU is another series with the same old error.
XIDS = f"{_XID} > 0 unless {_XID} == max by (UUID) ({names.XID} offset {RECENT}) and on (UUID) {_KNOWN_BEFORE}"
MEMORY_ERRORS = f"sum by (UUID) (increase({names.DOUBLE_BIT_ERRORS}[{RECENT}])) > 0"

Row = Mapping[str, Any]
"""One entry of an instant vector: `metric` (labels) and `value` ([time, text])."""
_Place = tuple[Key, str, str]
"""Pod, UUID and MIG instance."""


class GPUSource:
    """Asks one Prometheus."""

    def __init__(self, url: str, timeout_seconds: float, query: Callable[[str], list[Row]] | None = None) -> None:
        self._client = connect(url, timeout_seconds)
        self._query = query or self._client.custom_query

    async def read(self) -> Mapping[Key, tuple[GPU, ...]]:
        """By pod, in the order of their numbers; empty where no exporter is scraped. Raises SourceError."""
        return await ask(self._read)

    def close(self) -> None:
        self._client.close()

    def _read(self) -> dict[Key, tuple[GPU, ...]]:
        rows = self._query(GAUGES)
        if not rows:
            return {}
        return _by_pod(rows, _by_uuid(self._query(XIDS)), _by_uuid(self._query(MEMORY_ERRORS)))


def _by_uuid(rows: Iterable[Row]) -> dict[str, float]:
    return {row["metric"]["UUID"]: value for row in rows if math.isfinite(value := float(row["value"][1]))}


def _by_pod(
    rows: Iterable[Row], xids: Mapping[str, float], memory_errors: Mapping[str, float]
) -> dict[Key, tuple[GPU, ...]]:  # fmt: skip
    figures: dict[_Place, dict[str, float]] = defaultdict(dict)
    indices: dict[_Place, str] = {}
    for row in rows:
        labels, value = row["metric"], float(row["value"][1])
        pod = _pod(labels)
        if pod is None or not math.isfinite(value):
            continue
        instance = labels.get("GPU_I_ID", "")
        place = (pod, labels.get("UUID", ""), instance)
        indices[place] = labels.get("gpu", "?") + (f"/{instance}" if instance else "")
        figures[place][labels["__name__"]] = value
    found: dict[Key, list[GPU]] = defaultdict(list)
    for place, known in sorted(figures.items(), key=lambda one: indices[one[0]]):
        pod, uuid, _ = place
        found[pod].append(_gpu(indices[place], known, xids.get(uuid), memory_errors.get(uuid, 0.0)))
    return {pod: tuple(gpus) for pod, gpus in found.items()}


def _pod(labels: Mapping[str, str]) -> Key | None:
    """Under `exported_` where Prometheus keeps the target's own labels: then `pod` is the exporter's."""
    prefix = "exported_" if labels.get("exported_pod") else ""
    namespace, name = labels.get(f"{prefix}namespace"), labels.get(f"{prefix}pod")
    return (namespace, name) if namespace and name else None


def _gpu(index: str, figures: Mapping[str, float], xid: float | None, memory_errors: float) -> GPU:
    def of(key: str) -> float | None:
        return next((figures[name] for name in names.GAUGES[key] if name in figures), None)

    busy = of("busy_percent")
    return GPU(
        index=index,
        clock_mhz=of("clock_mhz"),
        temperature_celsius=of("temperature_celsius"),
        busy=None if busy is None else busy / 100.0,
        held_down_by=names.held_down_by(int(of("throttle_reasons") or 0)),
        xid=None if xid is None else int(xid),
        memory_errors=memory_errors,
        remap_failed=bool(of("remap_failed")),
    )
