"""Unsupervised detectors on labelled series, one scorer for all.

    python bench/detection.py --data DIR… [--seeds 5] [--jobs 2] [--json]

DIR holds .npz files with train (samples, features), test and label, such as the Server Machine Dataset. Detectors see
the train part without labels; scores look at nothing later than themselves; the labels only score. Rivals are mean |z|
and PCA at 90 % of the variance (standardised on the train part, z clipped at 50), each also smoothed as the default is
(the mean over its last 1, 5 and 15 scores), and a random score. With torch, the auto-encoder is there, by itself and as
one more member of the default. At the threshold (peaks over threshold, one false alarm
a week allowed, no label): events found, median delay in samples, false alarms a day.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from detection_scorer import Array, auc_pr, events_of, found_events, vus_pr
from detection_series import add_data_option, read_series, series_files
from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import track

from rorqual_engine.detection.detectors.catalog import DEFAULT, DETECTORS, make
from rorqual_engine.detection.detectors.change import Change
from rorqual_engine.detection.detectors.ensemble import LAST, Ensemble
from rorqual_engine.detection.detectors.pca import PCA
from rorqual_engine.detection.detectors.robust import RobustZ
from rorqual_engine.detection.detectors.smoothing import smooth
from rorqual_engine.detection.detectors.vae import VAE
from rorqual_engine.detection.threshold import Threshold, episodes

WINDOW = 30
SAMPLE_SECONDS = 60.0
ALARMS_PER_WEEK = 1.0
Scorer = Callable[[Array, Array, np.random.Generator], tuple[Array, Array]]
"""Train and test part to the scores of both."""


def of_detector(name: str) -> Scorer:
    def scored(train: Array, test: Array, random: np.random.Generator) -> tuple[Array, Array]:
        detector = make(name).fit(train, random)
        return detector.score_samples(train), detector.score_samples(test)

    return scored


def standardised(train: Array, test: Array) -> tuple[Array, Array]:
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1e-6)
    return np.clip((train - mean) / deviation, -50, 50), np.clip((test - mean) / deviation, -50, 50)


def mean_z(train: Array, test: Array, _: np.random.Generator) -> tuple[Array, Array]:
    before, after = standardised(train, test)
    return np.abs(before).mean(axis=1), np.abs(after).mean(axis=1)


def pca_error(train: Array, test: Array, _: np.random.Generator) -> tuple[Array, Array]:
    before, after = standardised(train, test)
    values, vectors = np.linalg.eigh(before.T @ before / len(before))
    order = np.argsort(values)[::-1]
    kept = vectors[:, order[: int(np.searchsorted(np.cumsum(values[order]) / values.sum(), 0.9)) + 1]]
    return tuple(((part - part @ kept @ kept.T) ** 2).mean(axis=1) for part in (before, after))  # type: ignore[return-value]


def at_random(train: Array, test: Array, random: np.random.Generator) -> tuple[Array, Array]:
    return random.random(len(train)), random.random(len(test))


def smoothed(scorer: Scorer) -> Scorer:
    def scored(train: Array, test: Array, random: np.random.Generator) -> tuple[Array, Array]:
        before, after = (
            np.mean([smooth(part, samples) for samples in LAST], axis=0) for part in scorer(train, test, random)
        )
        return before, after

    return scored


def of_ensemble_with_vae(train: Array, test: Array, random: np.random.Generator) -> tuple[Array, Array]:
    detector = Ensemble((RobustZ(), PCA(), Change(), VAE())).fit(train, random)
    return detector.score_samples(train), detector.score_samples(test)


NEURAL: dict[str, Scorer] = {
    "vae, smoothed": smoothed(of_detector(VAE.name)),
    "default and vae": of_ensemble_with_vae,
}
SCORERS: dict[str, Scorer] = {
    **{(f"rorqual: {name}" if name == DEFAULT else name): of_detector(name) for name in DETECTORS if name != VAE.name},
    **(NEURAL if find_spec("torch") else {}),
    "mean |z|": mean_z,
    "mean |z|, smoothed": smoothed(mean_z),
    "PCA error": pca_error,
    "PCA error, smoothed": smoothed(pca_error),
    "random": at_random,
}
DRAWN = ("isolation-forest", "random", *NEURAL)
"""Those that a seed changes; the others are run once."""


def row(series: str, name: str, seed: int, before: Array, after: Array, labels: Array) -> dict[str, object]:
    truth = labels.astype(np.int64)
    scale = np.quantile(before, 0.99) - np.median(before)
    normal = [(part - np.median(before)) / max(float(scale), 1e-9) for part in (before, after)]
    limit = Threshold.of(normal[0], ALARMS_PER_WEEK, SAMPLE_SECONDS).limit
    alarms = [(one.begin, one.end) for one in episodes(normal[1], limit)]
    found, delays, false = found_events(truth, alarms)
    return {
        "series": series,
        "detector": name,
        "seed": seed,
        "vus_pr": vus_pr(truth, after, WINDOW),
        "auc_pr": auc_pr(truth, after),
        "events_found": found,
        "events": len(events_of(truth)),
        "delay": float(np.median(delays)) if delays else None,
        "false_alarms_per_day": false / (len(truth) * SAMPLE_SECONDS / 86400),
    }


def one(file: Path, name: str, seed: int) -> dict[str, object]:
    train, test, labels = read_series(file)
    before, after = SCORERS[name](train, test, np.random.default_rng(seed))
    return row(file.stem, name, seed, before, after, labels)


def measure(files: Sequence[Path], seeds: int, jobs: int) -> list[dict[str, object]]:
    tasks = [(file, name, seed) for file in files for name in SCORERS for seed in range(seeds if name in DRAWN else 1)]
    found = Parallel(n_jobs=jobs, return_as="generator")(delayed(one)(*task) for task in tasks)
    told = track(found, "detecting", len(tasks), console=Console(stderr=True), transient=True)
    return list(told)


def show(rows: Sequence[dict[str, object]]) -> None:
    series = list(dict.fromkeys(str(one["series"]) for one in rows))

    def mean(name: str, figure: str, of: str | None = None) -> float:
        found = [each[figure] for each in rows if each["detector"] == name and of in (None, each["series"])]
        known = [float(str(value)) for value in found if value is not None]
        return float(np.mean(known)) if known else float("nan")

    print(f"{'VUS-PR':24}" + "".join(f"{one[-6:]:>8}" for one in series) + f"{'mean':>8}{'AUC-PR':>8}")
    for name in SCORERS:
        parts = "".join(f"{mean(name, 'vus_pr', one):8.3f}" for one in series)
        print(f"{name:24}{parts}{mean(name, 'vus_pr'):8.3f}{mean(name, 'auc_pr'):8.3f}")
    ours = next(name for name in SCORERS if name.startswith("rorqual"))
    best = [
        max(mean(rival, "vus_pr", one) for rival in SCORERS if rival.endswith("smoothed") and rival not in NEURAL)
        for one in series
    ]
    won = sum(mean(ours, "vus_pr", one) > other for one, other in zip(series, best, strict=True))
    print(f"better than the better smoothed rival on {won} of {len(series)}")
    print(f"\n{'at the threshold':24}{'found':>10}{'delay':>8}{'false/day':>11}")
    for name in SCORERS:
        of = [one for one in rows if one["detector"] == name]
        runs = max(1, len(of) // len(series))
        found, events = (sum(int(str(one[key])) for one in of) / runs for key in ("events_found", "events"))
        print(f"{name:24}{f'{found:.0f} of {events:.0f}':>10}{mean(name, 'delay'):8.1f}"
              f"{mean(name, 'false_alarms_per_day'):11.2f}")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_option(parser)
    parser.add_argument("--seeds", type=int, default=5, help="of those that draw")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    files = series_files(options.data)
    began = time.monotonic()
    rows = measure(files, options.seeds, options.jobs)
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        show(rows)
    print(f"{len(rows)} rows in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
