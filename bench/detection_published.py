"""Published detectors on the same series and with the same scorer as bench/detection.py: TSB-AD's code and PyOD's.

    pip install TSB-AD==1.5 pyod==3.6.7 'scikit-learn<1.6' torch pydantic rich     # in an environment of its own
    PYTHONPATH=engine python bench/detection_published.py --data DIR… [--detectors cnn,usad,…] [--seeds 1] [--jobs 2]

TSB-AD's models have the settings that it found best for multivariate series (HP_list.py), its own early stopping, and
learn from the train part; the isolation forest of TSB-AD and all of PyOD are fitted to it as well. Those that work on
windows spread a score over its window, so that they look up to half of it ahead; ours look at nothing later. Each is
shown as it is and smoothed as our default is; the better of the two is its figure.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from detection import row, smoothed
from detection_scorer import Array
from detection_series import add_data_option, read_series, series_files
from joblib import Parallel, delayed

Fitted = Callable[[Array], Array]
Scorer = Callable[[Array, Array, np.random.Generator], tuple[Array, Array]]


def of_tsb_ad(name: str, train: Array) -> Fitted:
    """A model of TSB-AD, fitted to the train part."""
    from TSB_AD.models.AE import AutoEncoder
    from TSB_AD.models.CNN import CNN
    from TSB_AD.models.Donut import Donut
    from TSB_AD.models.LSTMAD import LSTMAD
    from TSB_AD.models.USAD import USAD

    features = train.shape[1]
    model = {
        "autoencoder": lambda: AutoEncoder(slidingWindow=100, hidden_neurons=[128, 64], batch_size=128, epochs=50),
        "cnn": lambda: CNN(window_size=50, num_channel=[32, 32, 40], feats=features, lr=0.0008, batch_size=128),
        "lstm": lambda: LSTMAD(window_size=150, pred_len=1, lr=0.0008, feats=features, batch_size=128),
        "usad": lambda: USAD(win_size=100, feats=features, lr=0.001),
        "donut": lambda: Donut(win_size=60, input_c=features, lr=0.001, batch_size=128),
    }[name]()
    model.fit(train)
    return lambda part: np.asarray(model.decision_function(part), dtype=np.float64).ravel()


def of_pyod(name: str, train: Array, random: np.random.Generator) -> Fitted:
    """A model of PyOD, fitted to the train part."""
    from pyod.models.copod import COPOD
    from pyod.models.ecod import ECOD
    from pyod.models.hbos import HBOS
    from pyod.models.iforest import IForest
    from pyod.models.knn import KNN

    model = {
        "copod": COPOD,
        "ecod": ECOD,
        "hbos": HBOS,
        "isolation forest": lambda: IForest(random_state=int(random.integers(2**31))),
        "knn": KNN,
    }[name]()
    model.fit(train)
    return lambda part: np.asarray(model.decision_function(part), dtype=np.float64)


TSB_AD = ("autoencoder", "cnn", "lstm", "usad", "donut")
PYOD = ("copod", "ecod", "hbos", "isolation forest", "knn")


def scores(name: str, train: Array, test: Array, random: np.random.Generator) -> tuple[Array, Array]:
    """Of both parts. Features that never change in the train part are left out: some models divide by them."""
    kept = train.std(axis=0) > 0
    train, test = train[:, kept], test[:, kept]
    if name in TSB_AD:
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(int(random.integers(2**31)))
        fitted = of_tsb_ad(name, train)
    else:
        fitted = of_pyod(name, train, random)
    return np.nan_to_num(fitted(train)), np.nan_to_num(fitted(test))


def one(file: Path, name: str, seed: int) -> list[dict[str, object]]:
    """Its row as it is, and smoothed."""
    train, test, labels = read_series(file)
    began = time.monotonic()
    before, after = scores(name, train, test, np.random.default_rng(seed))
    took = time.monotonic() - began
    rows = []
    for title, scorer in ((name, given(before, after)), (f"{name}, smoothed", smoothed(given(before, after)))):
        parts = scorer(train, test, np.random.default_rng(seed))
        rows.append({**row(file.stem, title, seed, *parts, labels), "seconds": took})
    return rows


def tried(file: Path, name: str, seed: int) -> list[dict[str, object]] | str:
    """Its rows, or why there are none: others' code may fail."""
    try:
        return one(file, name, seed)
    except Exception as error:
        return f"failed: {type(error).__name__}: {error}"


def given(before: Array, after: Array) -> Scorer:
    """A scorer that has scored already."""
    return lambda *_: (before, after)


def show(rows: Sequence[dict[str, object]]) -> None:
    series = list(dict.fromkeys(str(one["series"]) for one in rows))

    def mean(name: str, figure: str, of: str | None = None) -> float:
        found = [each[figure] for each in rows if each["detector"] == name and of in (None, each["series"])]
        known = [float(str(value)) for value in found if value is not None]
        return float(np.mean(known)) if known else float("nan")

    title = "".join(f"{one[-6:]:>8}" for one in series)
    print(f"{'VUS-PR':28}{title}{'mean':>8}{'AUC-PR':>8}{'found':>12}{'false/day':>11}{'seconds':>9}")
    for name in dict.fromkeys(str(one["detector"]) for one in rows):
        of = [each for each in rows if each["detector"] == name]
        runs = max(1, len(of) // len(series))
        found, events = (sum(int(str(each[key])) for each in of) / runs for key in ("events_found", "events"))
        print(
            f"{name:28}" + "".join(f"{mean(name, 'vus_pr', each):8.3f}" for each in series)
            + f"{mean(name, 'vus_pr'):8.3f}{mean(name, 'auc_pr'):8.3f}{f'{found:.0f} of {events:.0f}':>12}"
            + f"{mean(name, 'false_alarms_per_day'):11.2f}{mean(name, 'seconds'):9.0f}"
        )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_data_option(parser)
    parser.add_argument("--detectors", default=",".join((*PYOD, *TSB_AD)), help="separated by commas")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    files = series_files(options.data)
    names = [name.strip() for name in options.detectors.split(",")]
    unknown = sorted(set(names) - {*PYOD, *TSB_AD})
    if unknown:
        raise SystemExit(f"--detectors: expected some of {', '.join((*PYOD, *TSB_AD))}; found {', '.join(unknown)}")
    tasks = [(file, name, seed) for name in names for file in files for seed in range(options.seeds)]
    rows: list[dict[str, object]] = []
    runs = Parallel(n_jobs=options.jobs, return_as="generator")(delayed(tried)(*task) for task in tasks)
    for place, found in enumerate(runs):
        rows += [] if isinstance(found, str) else found
        told = found if isinstance(found, str) else f"{found[0]['seconds']:.0f} s, VUS-PR {found[0]['vus_pr']:.3f}"
        print(f"{place + 1} of {len(tasks)}: {tasks[place][1]} on {tasks[place][0].stem}: {told}", file=sys.stderr)
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
