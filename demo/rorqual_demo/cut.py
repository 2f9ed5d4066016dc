"""Makes the packaged trace from Azure's file: `python -m rorqual_demo.cut --trace AzureLLMInferenceTrace_conv.csv`."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import datetime
from pathlib import Path

import click

from rorqual_demo.trace import COLUMNS, PACKAGED

_MICROSECOND_DIGITS = len("2023-11-16 18:15:46.680590")  # the file has seven digits after the point


def cut(source: Path, minutes: float) -> bytes:
    """The first `minutes` of Azure's CSV (TIMESTAMP, ContextTokens, GeneratedTokens) in the demo's form, gzipped."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    with source.open(newline="") as rows:
        begin: datetime | None = None
        for row in csv.DictReader(rows):
            at = datetime.fromisoformat(row["TIMESTAMP"][:_MICROSECOND_DIGITS])
            begin = begin or at
            offset = (at - begin).total_seconds()
            if offset >= minutes * 60:
                break
            writer.writerow((f"{offset:.2f}", row["ContextTokens"], row["GeneratedTokens"]))
    return gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0)  # mtime=0: the same bytes each time


@click.command()
@click.option("--trace", "source", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--minutes", type=float, default=58.0, show_default=True, help="how much of it, from its begin")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(__file__).parent / "data" / PACKAGED,
    help="file to write [default: the packaged one]",
)
def main(source: Path, minutes: float, out: Path) -> None:
    """Cut Azure's conversation trace to the stretch that the demo replays."""
    out.write_bytes(cut(source, minutes))
    click.echo(f"{out}: {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
