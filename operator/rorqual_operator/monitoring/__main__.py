"""`python -m rorqual_operator.monitoring`, in the root of a checkout: rewrites what is generated."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from rorqual_operator.monitoring.files import manifests
from rorqual_operator.monitoring.reference import pages


def main() -> None:
    """Writes manifests and reference pages into the folders asked for."""
    parser = argparse.ArgumentParser(prog="python -m rorqual_operator.monitoring", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("manifests/monitoring"), help="folder of the manifests")
    parser.add_argument("--docs", type=Path, default=Path("docs/reference"), help="folder of the reference pages")
    options = parser.parse_args()
    write(options.out, manifests())
    write(options.docs, pages())


def write(folder: Path, files: Mapping[str, str]) -> None:
    """The files by name into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
