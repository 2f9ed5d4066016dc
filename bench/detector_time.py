"""Time of the operator's detectors: one look at many services, and what learning one service's day takes.

    python bench/detector_time.py [--services 1000] [--metrics 16]

A look is what `rorqual_operator.anomalies.watch` computes once a minute for every service that has metrics: scores of
its last samples, and the evidence of an episode where there is one, here for one service in a hundred. Histories are
drawn, from a seed; two samples in a hundred are not known. On one core; reading Prometheus is not in it.
"""

import argparse
import resource
import time

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.detection.detectors.catalog import DEFAULT
from rorqual_engine.detection.learned import learn, newest_scores
from rorqual_operator.anomalies.expressions import expressions
from rorqual_operator.anomalies.history import KEPT
from rorqual_operator.anomalies.prometheus import STEP_SECONDS
from rorqual_operator.anomalies.watch import RECENT

UNKNOWN, UNUSUAL = 0.02, 0.01


def drawn(random: np.random.Generator, samples: int, metrics: int) -> NDArray[np.float64]:
    """Metrics that follow one load, the same share of it always, each with noise of its own."""
    load = 20 + 5 * np.sin(np.arange(samples) / 100)[:, None] + random.normal(size=(samples, 1))
    values = load * np.linspace(0.5, 2.0, metrics) + random.normal(size=(samples, metrics))
    return np.where(random.random(values.shape) < UNKNOWN, np.nan, values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--metrics", type=int, default=len(expressions(STEP_SECONDS)))
    options = parser.parse_args()
    random = np.random.default_rng(1)
    names = tuple(f"metric {place}" for place in range(options.metrics))

    begin = time.perf_counter()
    learned = learn(DEFAULT, names, drawn(random, KEPT, options.metrics), 1.0, STEP_SECONDS)
    print(f"learning one day of minutes of {options.metrics} metrics: {1000 * (time.perf_counter() - begin):.0f} ms")

    recent = [drawn(random, RECENT, options.metrics) for _ in range(options.services)]
    for values in recent[: int(UNUSUAL * options.services)]:
        values[-5:] *= 10
    begin = time.perf_counter()
    newest = newest_scores([learned] * options.services, np.stack(recent))
    loud = [values for values, score in zip(recent, newest, strict=True) if score > learned.limit]
    episodes = sum(len(learned.periods(values, learned.scores(values))) for values in loud)
    took = time.perf_counter() - begin
    print(f"a look at {options.services} services: {1000 * took:.0f} ms, {episodes} episodes")
    print(f"memory of the process at its most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
