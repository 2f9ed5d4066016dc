"""The shipped artefact is the one that the figures in the docs were measured with."""

import json
from importlib import resources
from pathlib import Path

import pytest

from rorqual_engine.sizing import performance
from rorqual_engine.sizing.performance import predict
from rorqual_engine.sizing.performance.artefact import checksum, fitted_on, parse, shipped

from .settings import GOLDEN, LOADS

FILE = Path(__file__).with_name("golden.json")
RECORDED = json.loads(FILE.read_text())


def text() -> str:
    return resources.files(performance).joinpath("artefact.json").read_text("utf-8")


def test_the_checksum_is_the_recorded_one():
    assert (shipped().version, checksum()) == (RECORDED["version"], RECORDED["sha256"])


def test_it_names_what_it_was_fitted_on():
    assert all(len(digest) == 64 for digest in fitted_on()) and fitted_on()


def test_it_is_small():
    assert len(text()) < 20_000


@pytest.mark.parametrize("name", GOLDEN)
def test_predictions_are_unchanged(name):
    found = [predict(GOLDEN[name], load) for load in LOADS]
    expected = RECORDED["predictions"][name]
    assert [[x.ttft_seconds.value, x.tpot_seconds.value] for x in found] == [
        pytest.approx(x, rel=1e-6) for x in expected
    ]


def test_margins_are_wider_where_requests_wait():
    for metric, (low, high) in shipped().free.items():
        assert low < 0 < high, metric
    assert shipped().full["ttft"][1] - shipped().full["ttft"][0] > shipped().free["tpot"][1] - shipped().free["tpot"][0]


@pytest.mark.parametrize(("key", "value"), [("format", 99), ("figures", ["height"]), ("coefficients", {"speed": 1.0})])
def test_an_artefact_of_another_law_is_refused(key, value):
    with pytest.raises(ValueError, match=f"performance artefact: {key} should be"):
        parse(json.dumps({**json.loads(text()), key: value}))
