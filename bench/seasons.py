"""Whether yesterday's, or last week's, same time of day helps to foretell the next minutes of a rate.

    python bench/seasons.py RATES.csv [--json]

The file has `t_s,req_per_s` at even steps, as ServeGen's. Compared is the next step foretold as the rate now; as that,
changed as it changed a season ago; and half of that change. Errors are of the logarithm, so 0.1 is about a tenth.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DAY_SECONDS = 86_400.0
SEASONS = {"a day": 1, "a week": 7}
SHARES = (0.0, 0.5, 1.0)
"""Of a season's change that the forecast takes over."""


def errors(rates: NDArray[np.float64], lag: int, share: float) -> NDArray[np.float64]:
    """Absolute error of the logarithm, of every step that has one a season before it."""
    logs = np.log(rates)
    change = np.diff(logs)
    found: NDArray[np.float64] = np.abs(change[lag:] - share * change[:-lag])
    return found


def rows(table: NDArray[np.float64]) -> list[dict[str, object]]:
    step = float(table[1, 0] - table[0, 0])
    made: list[dict[str, object]] = []
    for name, days in SEASONS.items():
        lag = round(days * DAY_SECONDS / step)
        for share in SHARES:
            found = errors(table[:, 1], lag, share)
            figures = {"mean_error": float(found.mean()), "p95_error": float(np.percentile(found, 95))}
            made.append({"season": name, "share": share, "steps": len(found), "step_seconds": step, **figures})
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rates", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = rows(np.loadtxt(asked.rates, delimiter=",", skiprows=1))
    if asked.json:
        print(json.dumps(found, indent=1))
        return
    print(f"{'season':8}{'of its change':>15}{'mean error':>12}{'95th':>8}")
    for row in found:
        print(f"{row['season']:8}{row['share']:15.0%}{row['mean_error']:12.3f}{row['p95_error']:8.3f}")


if __name__ == "__main__":
    main()
