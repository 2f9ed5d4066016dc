"""What labels are worth: the auto-encoder with none, 1, 5 and 10 % of its history labelled, beside others without.

    python bench/detection_labels.py --data DIR… [--seeds 5] [--jobs 2] [--json]

DIR as for bench/detection.py; needs torch. Everybody learns from the train part and the first half of the test part;
of the latter, a share of the samples drawn at random is labelled. Only the second half is scored, so no label that
scores is learned from. Everything is smoothed as the default is. Differences are paired by series and seed; intervals
are 95 % over the pairs.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from detection_scorer import auc_pr, vus_pr
from detection_series import add_data_option, read_series, series_files
from joblib import Parallel, delayed

from rorqual_engine.detection.detectors.ensemble import LAST
from rorqual_engine.detection.detectors.pca import PCA
from rorqual_engine.detection.detectors.robust import RobustZ
from rorqual_engine.detection.detectors.smoothing import smooth
from rorqual_engine.detection.detectors.vae import VAE

WINDOW = 30
BUDGETS = (0.0, 0.01, 0.05, 0.1)


def run(file: Path, name: str, budget: float, seed: int) -> dict[str, object]:
    train, test, labels = read_series(file)
    half = len(test) // 2
    history = np.concatenate([train, test[:half]])
    random = np.random.default_rng(seed)
    began = time.perf_counter()
    if name == "vae":
        import torch

        torch.set_num_threads(1)
        told = np.full(len(history), np.nan)
        shown = len(train) + random.choice(half, int(budget * half), replace=False)
        told[shown] = labels[shown - len(train)]
        detector = VAE().fit(history, random, told)
    else:
        detector = {"pca": PCA, "robust-z": RobustZ}[name]().fit(history, random)
    took = time.perf_counter() - began
    scores = detector.score_samples(test)
    smoothed = np.mean([smooth(scores, samples) for samples in LAST], axis=0)[half:]
    truth = labels[half:].astype(np.int64)
    return {
        "series": file.stem,
        "detector": name,
        "budget": budget,
        "seed": seed,
        "vus_pr": vus_pr(truth, smoothed, WINDOW),
        "auc_pr": auc_pr(truth, smoothed),
        "fit_seconds": took,
    }


def show(rows: Sequence[dict[str, object]]) -> None:
    series = list(dict.fromkeys(str(one["series"]) for one in rows))
    print(f"{'VUS-PR':16}" + "".join(f"{one[-6:]:>8}" for one in series) + f"{'mean':>8}{'over none':>18}{'fit':>7}")
    for name, budget in dict.fromkeys((str(one["detector"]), float(str(one["budget"]))) for one in rows):
        of = {
            (str(one["series"]), one["seed"]): one for one in rows if (one["detector"], one["budget"]) == (name, budget)
        }
        parts = "".join(
            f"{np.mean([float(str(one['vus_pr'])) for (each, _), one in of.items() if each == which]):8.3f}"
            for which in series
        )
        mean = np.mean([float(str(one["vus_pr"])) for one in of.values()])
        base = {(str(one["series"]), one["seed"]): float(str(one["vus_pr"])) for one in rows
                if one["detector"] == name and one["budget"] == 0.0}  # fmt: skip
        gains = [float(str(one["vus_pr"])) - base[key] for key, one in of.items()]
        gain = f"{np.mean(gains):+.3f} ± {1.96 * np.std(gains, ddof=1) / math.sqrt(len(gains)):.3f}" if budget else "-"
        fit = np.mean([float(str(one["fit_seconds"])) for one in of.values()])
        print(f"{f'{name} {budget:.0%}':16}{parts}{mean:8.3f}{gain:>18}{fit:6.1f}s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_option(parser)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    files = series_files(asked.data)
    tasks = [(file, name, 0.0, 0) for file in files for name in ("pca", "robust-z")]
    tasks += [(file, "vae", budget, seed) for file in files for budget in BUDGETS for seed in range(asked.seeds)]
    rows = Parallel(n_jobs=asked.jobs)(delayed(run)(*task) for task in tasks)
    if asked.json:
        print(json.dumps(rows, indent=1))
    else:
        show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
