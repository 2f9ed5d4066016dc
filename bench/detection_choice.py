"""Whether a detector can be chosen for each series by its own history: by injected anomalies, beside the default.

    python bench/detection_choice.py --data DIR… [--draws 5] [--json]

DIR as for bench/detection.py. Candidates are the default ensemble and every smaller one of its members. Each learns
from the first two thirds of the train part; into the last third twelve anomalies are injected, of 5 to 60 samples, in
up to a third of the metrics: a shift, noise, a standstill elsewhere in the metric's range, or a stretch of another
time. The one with the greatest mean AUC-PR over the draws is chosen. Test labels only score the choice. `best` is
hindsight.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from detection_scorer import Array, auc_pr, vus_pr
from detection_series import add_data_option, read_series, series_files
from numpy.typing import NDArray

from rorqual_engine.detection.detectors.base import Detector
from rorqual_engine.detection.detectors.change import Change
from rorqual_engine.detection.detectors.ensemble import Ensemble
from rorqual_engine.detection.detectors.pca import PCA
from rorqual_engine.detection.detectors.robust import RobustZ

WINDOW = 30
MEMBERS: tuple[Callable[[], Detector], ...] = (RobustZ, PCA, Change)
CANDIDATES = {
    " + ".join(one.name for one in chosen): chosen  # type: ignore[attr-defined]
    for count in range(1, len(MEMBERS) + 1)
    for chosen in combinations(MEMBERS, count)
}
ALL = list(CANDIDATES)[-1]
LEARNED = 2 / 3
EVENTS = 12
LENGTHS = (5, 61)
KINDS = ("shift", "noise", "standstill", "another time")


def fitted(name: str, history: Array) -> Detector:
    return Ensemble([make() for make in CANDIDATES[name]]).fit(history, np.random.default_rng(0))


def inject(samples: Array, deviation: Array, random: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
    """Copies with anomalies, and where they are. `deviation` of each metric; those that never move are left alone."""
    found, labels = samples.copy(), np.zeros(len(samples), np.int64)
    alive = np.flatnonzero(deviation > 0)
    for _ in range(EVENTS):
        length = int(random.integers(*LENGTHS))
        begin, other = (int(random.integers(len(samples) - length)) for _ in range(2))
        metrics = random.choice(alive, int(random.integers(1, max(2, len(alive) // 3 + 1))), replace=False)
        span, size = slice(begin, begin + length), deviation[metrics]
        kind = KINDS[int(random.integers(len(KINDS)))]
        if kind == "shift":
            found[span, metrics] += random.choice([-1, 1], len(metrics)) * random.uniform(2, 8, len(metrics)) * size
        elif kind == "noise":
            found[span, metrics] += random.normal(size=(length, len(metrics))) * random.uniform(2, 6) * size
        elif kind == "standstill":
            found[span, metrics] = samples[random.integers(len(samples), size=len(metrics)), metrics]
        else:
            found[span, metrics] = samples[other : other + length, metrics]
        labels[span] = 1
    return found, labels


def worth(train: Array, draws: int) -> dict[str, float]:
    """AUC-PR of each candidate on injected anomalies, mean over the draws."""
    cut = int(len(train) * LEARNED)
    learned = {name: fitted(name, train[:cut]) for name in CANDIDATES}
    found: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    for draw in range(draws):
        samples, labels = inject(train[cut:], train[:cut].std(axis=0), np.random.default_rng(draw))
        for name, detector in learned.items():
            found[name].append(auc_pr(labels, detector.score_samples(samples)))
    return {name: float(np.mean(values)) for name, values in found.items()}


def measure(file: Path, draws: int) -> dict[str, object]:
    train, test, label = read_series(file)
    on_injected = worth(train, draws)
    truth = label.astype(np.int64)
    on_test = {name: vus_pr(truth, fitted(name, train).score_samples(test), WINDOW) for name in CANDIDATES}
    chosen = max(on_injected, key=on_injected.__getitem__)
    return {
        "series": file.stem,
        "chosen": chosen,
        "vus_pr": on_test[chosen],
        "vus_pr_default": on_test[ALL],
        "vus_pr_best": max(on_test.values()),
        "auc_pr_on_injected": on_injected,
    }


def show(rows: Sequence[dict[str, object]]) -> None:
    print(f"{'series':18}{'chosen':>28}{'its VUS-PR':>12}{'default':>9}{'best':>7}")
    figures = ("vus_pr", "vus_pr_default", "vus_pr_best")
    for one in rows:
        told = [float(str(one[name])) for name in figures]
        print(f"{one['series']!s:18}{one['chosen']!s:>28}{told[0]:12.3f}{told[1]:9.3f}{told[2]:7.3f}")
    mean = [float(np.mean([float(str(one[name])) for one in rows])) for name in figures]
    print(f"{'mean':18}{'':>28}{mean[0]:12.3f}{mean[1]:9.3f}{mean[2]:7.3f}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_option(parser)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    files = series_files(options.data)
    rows = [measure(file, options.draws) for file in files]
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
