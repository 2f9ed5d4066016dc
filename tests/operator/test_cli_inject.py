"""`rorqual inject`, as a user calls it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from rorqual_engine.simulation.incidents import INCIDENTS
from rorqual_operator.cli_detect import detect
from rorqual_operator.cli_inject import inject


def run(*arguments: str) -> str:
    done = CliRunner().invoke(inject, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def test_every_incident_is_listed_with_what_it_is() -> None:
    lines = run("--list").splitlines()
    assert [line.split()[0] for line in lines] == list(INCIDENTS)
    assert all(line.rstrip().endswith(".") for line in lines)


def test_a_file_has_metrics_and_labels_and_can_be_looked_at(tmp_path: Path) -> None:
    assert run("slow-gpu", "--seed", "3", "-o", str(tmp_path)) == f"{tmp_path / 'slow-gpu-3.npz'}\n"
    with np.load(tmp_path / "slow-gpu-3.npz", allow_pickle=False) as data:
        (replica,) = data["replicas"].tolist()
        names = data["names"].tolist()
        at, values = data["at"], data["values"]
        inside = (at > data["begin"] + 60) & (at < data["end"])
        assert data["label"].sum() > 20 and str(data["truth"]) == "Fault"
        assert len(data["train"]) + len(data["test"]) == len(at) == len(values)
        pace = values[:, names.index(f"tpot_mean_seconds of replica {replica}")]
        assert np.nanmedian(pace[inside]) > 1.4 * np.nanmedian(pace[at < data["begin"]])
    looked = CliRunner().invoke(detect, ["--metrics", str(tmp_path / "slow-gpu-3.npz"), "-o", "json"])
    assert looked.exit_code == 0, looked.output
    assert isinstance(json.loads(looked.output), list)


def test_the_same_seed_gives_the_same_and_csv_has_the_verdicts(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        run("metric-gap", "--format", "csv", "-o", str(tmp_path / folder))
    texts = [(tmp_path / folder / "metric-gap-1.csv").read_text() for folder in ("a", "b")]
    assert texts[0] == texts[1]
    rows = list(csv.DictReader(texts[0].splitlines()))
    gap = [row for row in rows if row["label"] == "1"]
    assert gap and all(row["verdict"] == "Unknown" for row in gap[1:])
    assert gap[1]["running of replica 0"] == ""


@pytest.mark.parametrize("arguments", [(), ("flood",)])
def test_what_is_no_incident_is_told(arguments: tuple[str, ...]) -> None:
    done = CliRunner().invoke(inject, list(arguments))
    assert done.exit_code == 1
    assert "expected an incident, one of clean, overload" in done.output


PUBLISHED = Path(__file__).resolve().parents[2] / "data" / "incidents"


def test_every_incident_is_published() -> None:
    assert {file.stem for file in PUBLISHED.glob("*.npz")} == {f"{name}-1" for name in INCIDENTS}


@pytest.mark.parametrize("name", ["clean", "slow-gpu", "kv-thrash"])
def test_what_is_published_is_what_is_made(name: str, tmp_path: Path) -> None:
    """If not: rorqual inject all --seed 1 -o data/incidents."""
    run(name, "--seed", "1", "-o", str(tmp_path))
    with np.load(PUBLISHED / f"{name}-1.npz") as published, np.load(tmp_path / f"{name}-1.npz") as made:
        assert set(published) == set(made)
        assert published["names"].tolist() == made["names"].tolist()
        for field in ("at", "values", "label", "begin", "end", "replicas"):
            np.testing.assert_allclose(published[field], made[field], rtol=1e-6, err_msg=field)
