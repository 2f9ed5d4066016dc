"""How near percentiles come to the second moment of a trace's lengths, and whether prompts and answers go together.

python bench/lengths.py TRACE.csv...
"""

import sys
from pathlib import Path

import numpy as np

from rorqual_engine.api.spec import LengthPercentiles
from rorqual_engine.sizing.spread import Spread
from rorqual_operator.advice.trace import read_trace


def main() -> int:
    for file in map(Path, sys.argv[1:]):
        trace = read_trace(file)
        told = trace.workload()
        for name, lengths, field in (("prompts", trace.prompts, "input"), ("answers", trace.answers, "output")):
            percentiles = LengthPercentiles.model_validate(told[f"{field}Lengths"])
            estimate = Spread.of(percentiles, told[f"{field}Tokens"]).square
            exact = np.mean(np.square(lengths)) / np.mean(lengths) ** 2
            print(f"{file.stem}, {name}: {estimate:.2f} by percentiles, {exact:.2f} of all")
        together = np.mean(np.multiply(trace.prompts, trace.answers)) / np.mean(trace.prompts) / np.mean(trace.answers)
        print(f"{file.stem}: E[PN] / E[P] E[N] = {together:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
