"""Makes the traces that the engine's workloads come with, from the published files.

    python bench/package_traces.py --azure-conv AzureLLMInferenceTrace_conv.csv \\
        --azure-code AzureLLMInferenceTrace_code.csv --servegen m-large_rate.csv [--out FOLDER]

The last is ServeGen's rates of all clients, summed by windows of ten minutes (t_s, req_per_s); two days are taken. The
same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

from rorqual_engine.simulation.traces.azure import read_azure
from rorqual_engine.simulation.traces.servegen import HEADER, read_rates

DATA = Path(__file__).resolve().parent.parent / "engine/rorqual_engine/simulation/workloads/data"
TWO_DAYS = 2 * 86_400


def azure(source: Path) -> Iterator[str]:
    """The requests as `read_plain` reads them, arrivals to the millisecond."""
    with source.open() as lines:
        requests = read_azure(lines)
    yield "arrival_s,input_tokens,output_tokens"
    columns = (requests.arrival_seconds, requests.input_tokens, requests.output_tokens)
    yield from (f"{at:.3f},{prompt},{answer}" for at, prompt, answer in zip(*columns, strict=True))


def servegen(source: Path) -> Iterator[str]:
    """The first two days of the rates."""
    with source.open() as lines:
        rates = read_rates(lines).between(0, TWO_DAYS)
    yield ",".join(HEADER)
    for window, rate in enumerate(rates.requests_per_second):
        yield f"{window * rates.window_seconds:g},{rate:.3f}"


def write(path: Path, lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))  # mtime=0: the same bytes each time
    print(f"{path.name}: {path.stat().st_size} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("azure-conv", "azure-code", "servegen"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=DATA)
    given = parser.parse_args()
    write(given.out / "azure_conv_2023.csv.gz", azure(given.azure_conv))
    write(given.out / "azure_code_2023.csv.gz", azure(given.azure_code))
    write(given.out / "servegen_m-large_two_days.csv.gz", servegen(given.servegen))


if __name__ == "__main__":
    main()
