"""The traces that come with the package."""

import re
from importlib import resources

import numpy as np
import pytest

from rorqual_engine.simulation.workloads import workload
from rorqual_engine.simulation.workloads.recorded import servegen, servegen_rates

DATA = resources.files("rorqual_engine.simulation.workloads") / "data"


@pytest.mark.parametrize(
    ("name", "count", "prompts", "answers"),
    [("azure-conv", 19_366, 22_361_870, 4_088_665), ("azure-code", 8_819, 18_059_974, 245_896)],
)
def test_azures_traces_are_whole(name: str, count: int, prompts: int, answers: int):
    """Rows and sums of tokens of the published files."""
    found = workload(name).draw(0)
    assert (len(found), found.input_tokens.sum(), found.output_tokens.sum()) == (count, prompts, answers)


@pytest.mark.parametrize(("name", "factor"), [("azure-conv", 5), ("azure-code", 10)])
def test_scaled_traces_keep_the_shape(name: str, factor: int):
    recorded, scaled = workload(name).draw(0), workload(f"{name}-x{factor}").draw(0)
    assert len(scaled) == factor * len(recorded)
    minutes = np.arange(0, 3420, 60)
    counts = [np.histogram(one.arrival_seconds, minutes)[0] for one in (recorded, scaled)]
    assert np.corrcoef(*counts)[0, 1] > 0.95


def test_servegens_rates_are_two_days_of_ten_minutes():
    rates = servegen_rates()
    assert (len(rates.requests_per_second), rates.window_seconds) == (288, 600.0)
    assert rates.requests_per_second[0] == 212.78


def test_servegens_day_follows_its_rates():
    found = workload("servegen-day").draw(0)
    counts, _ = np.histogram(found.arrival_seconds, np.arange(0, 86_401, 600))
    expected = servegen_rates().requests_per_second[:144] * 60
    assert counts.sum() == pytest.approx(expected.sum(), rel=0.01)
    assert np.all(np.abs(counts - expected) < 5 * 1.5 * expected**0.5)


def test_other_rates_make_a_workload_too():
    made = servegen("morning", "six hours", lambda: servegen_rates().between(0, 21_600), 0.25)
    assert made.draw(0).duration_seconds == made.duration_seconds == 21_600.0


def test_every_file_has_its_notice():
    notice = (DATA / "NOTICE").read_text()
    files = {file.name for file in DATA.iterdir()} - {"NOTICE"}
    assert files == set(re.findall(r"\S+\.gz", notice))
    assert "CC-BY 4.0" in notice and "Apache License, Version 2.0" in notice
