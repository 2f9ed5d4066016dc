"""An incident's run as a table: what Prometheus would have of the service's engines, and what was the matter."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.plan import Verdict
from rorqual_engine.simulation.incidents import Incident
from rorqual_engine.simulation.operated import Operated
from rorqual_engine.simulation.policy import Decision, View
from rorqual_engine.simulation.run import Scenario, simulate
from rorqual_engine.simulation.scrape import Scrape
from rorqual_engine.snapshot import Pod

NAME = "chat"
TRAIN_SECONDS = 840.0
"""Before any incident begins."""
METRICS = (
    "running",
    "waiting",
    "kv_use",
    "requests_per_second",
    "prompt_tokens_per_second",
    "generation_tokens_per_second",
    "preemptions_per_second",
    "tpot_mean_seconds",
)
"""Of each replica."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Rows of one every ten seconds."""

    incident: Incident
    at: NDArray[np.float64]
    """Seconds of the run."""
    names: tuple[str, ...]
    values: NDArray[np.float64]
    """(rows, metrics); NaN where a replica told nothing."""
    labels: NDArray[np.int64]
    """1 where something was the matter."""
    verdicts: tuple[str, ...]
    """Rorqual's own, by the same metrics."""

    def write(self, file: Path) -> None:
        """As .csv (times, metrics, label, verdict), or as .npz, which `rorqual detect` and bench/detection.py read."""
        if file.suffix == ".csv":
            self._write_csv(file)
            return
        cut = int(np.searchsorted(self.at, TRAIN_SECONDS))
        np.savez_compressed(
            file,
            at=self.at,
            names=np.array(self.names),
            values=self.values,
            train=np.nan_to_num(self.values[:cut]),
            test=np.nan_to_num(self.values[cut:]),
            label=self.labels[cut:],
            incident=np.array(self.incident.name),
            truth=np.array(str(self.incident.truth.verdict)),
            begin=np.array(self.incident.truth.begin),
            end=np.array(self.incident.truth.end),
            replicas=np.array(sorted(self.incident.truth.replicas), dtype=np.int64),
            seed=np.array(self.incident.seed),
        )

    def _write_csv(self, file: Path) -> None:
        with file.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(["at", *self.names, "label", "verdict"])
            for at, row, label, verdict in zip(self.at, self.values, self.labels, self.verdicts, strict=True):
                writer.writerow([f"{at:g}", *("" if np.isnan(one) else f"{one:.6g}" for one in row), label, verdict])


class _Recorder(Operated):
    """Operates, and keeps what it saw and thought."""

    def __init__(self, incident: Incident) -> None:
        super().__init__({NAME: incident.spec})
        self.at: list[float] = []
        self.rows: list[dict[str, float]] = []
        self.verdicts: list[str] = []

    def decide(self, views: Mapping[str, View], scrapes: Mapping[str, Scrape]) -> Mapping[str, Decision]:
        decided = super().decide(views, scrapes)
        self.at.append(views[NAME].now)
        self.rows.append(dict(_figures(self.seen[NAME].pods)))
        self.verdicts.append(str(self.plans[NAME].health.verdict))
        return decided


def _figures(pods: Sequence[Pod]) -> Iterator[tuple[str, float]]:
    for pod in pods:
        number = pod.name.rsplit("-", 1)[1]
        for name in METRICS:
            value = getattr(pod.metrics, name, None)
            yield f"{name} of replica {number}", float("nan") if value is None else float(value)


def record(incident: Incident) -> Recording:
    """Simulates the incident."""
    recorder = _Recorder(incident)
    simulate(Scenario({NAME: incident.service}, seed=incident.seed), recorder)
    names = tuple(sorted({name for row in recorder.rows for name in row}))
    at, truth = np.array(recorder.at), incident.truth
    matters = truth.verdict is not Verdict.HEALTHY
    return Recording(
        incident=incident,
        at=at,
        names=names,
        values=np.array([[row.get(name, np.nan) for name in names] for row in recorder.rows]),
        labels=((at >= truth.begin) & (at <= truth.end)).astype(np.int64) if matters else np.zeros(len(at), np.int64),
        verdicts=tuple(recorder.verdicts),
    )
