"""Fits the performance law on measured operating points and writes the artefact that ships with the engine.

    python bench/fit_performance.py --data silicon_measurements.csv [--check]

The same data, versions of numpy, scipy and scikit-learn, and processor give the same file bit for bit; its checksum is
printed. `--check` writes nothing and fails when the shipped file differs.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import scipy
import sklearn
from sizing_fit import cross_validate, errors_of, fit, margins_of
from sizing_rows import read
from threadpoolctl import threadpool_limits

import rorqual_engine.sizing.performance as performance

VERSION = "1"
TARGET = Path(performance.__file__).with_name("artefact.json")


def main() -> int:
    options = _options()
    with threadpool_limits(1):  # sums in one order
        text = build(options.data)
    digest = hashlib.sha256(text.encode()).hexdigest()
    print(f"sha256 {digest}  numpy {np.__version__}, scipy {scipy.__version__}, scikit-learn {sklearn.__version__}")
    if options.check:
        same = TARGET.read_text("utf-8") == text
        print("the shipped artefact is the same" if same else f"{TARGET} differs: fit it again without --check")
        return 0 if same else 1
    TARGET.write_text(text, "utf-8")
    print(f"wrote {TARGET}: {len(text)} bytes")
    return 0


def build(files: list[Path]) -> str:
    """The artefact's text."""
    data, missing = read(files)
    for name, count in sorted(missing.items()):
        print(f"left out: {count} rows of {name}, which the catalog does not know", file=sys.stderr)
    distinct = data.distinct()
    errors = errors_of(data, cross_validate(data, data.groups))
    numbers = {
        "version": VERSION,
        "fitted_on": [hashlib.sha256(file.read_bytes()).hexdigest() for file in files],
        "rows": len(data.rows),
        "distinct_rows": len(distinct),
        **fit(data, distinct),
        "margins": margins_of(errors, np.arange(len(data.rows))),
    }
    return json.dumps(numbers, indent=1) + "\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--check", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
