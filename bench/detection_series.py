"""Labelled series in .npz files: train (samples, features) without labels, test, and the labels of the latter."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from detection_scorer import Array


def add_data_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", nargs="+", type=Path, required=True, help="folders of .npz files")


def series_files(folders: Sequence[Path]) -> list[Path]:
    """Those with events: without any there is nothing to score by. Ends the program when there are none."""
    found = sorted(file for folder in folders for file in folder.glob("*.npz") if read_series(file)[2].any())
    if not found:
        raise SystemExit(f"--data: expected .npz files with events in {', '.join(map(str, folders))}; found none")
    return found


def read_series(file: Path) -> tuple[Array, Array, Array]:
    """Train part, test part, labels."""
    with np.load(file) as data:
        train, test, labels = (data[part].astype(np.float64) for part in ("train", "test", "label"))
    return train, test, labels
