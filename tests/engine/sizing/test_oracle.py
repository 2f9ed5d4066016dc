"""Ranking by another predictor than the law."""

from dataclasses import replace

import numpy as np
import pytest

from rorqual_engine.sizing.oracle import MOST_ASKED, consult
from rorqual_engine.sizing.performance import Intervals, Predictions, predict_many
from rorqual_engine.sizing.recommend import ask
from rorqual_engine.sizing.search import search

from ..builders import A100, H100, L4, a_node, a_spec
from .cases import case_of

OBJECTIVES = {"ttft": {"p95": "10s"}, "tpot": {"p95": "60ms"}}
PRICES = {H100: "2.50", A100: "1.60", L4: "0.70"}


def question_of(gpus=(H100, A100), objectives=OBJECTIVES, **workload):
    hardware = [{"gpu": gpu, "costPerHour": PRICES[gpu]} for gpu in gpus]
    spec = a_spec(hardware=hardware, objectives=objectives, workload={"requestsPerSecond": 4, **workload})
    return ask(case_of(spec, tuple(a_node(gpu, gpu=gpu) for gpu in gpus)))


class Told:
    """Says what the law says, times a factor for each GPU; nothing of a GPU without one."""

    name = "told"

    def __init__(self, **factors):
        self.factors = {H100: factors.get("h100"), A100: factors.get("a100"), L4: factors.get("l4")}
        self.settings, self.loads = [], []

    def predict(self, settings, loads):
        self.settings, self.loads = list(settings), list(loads)
        law = predict_many(settings, loads)
        slower = np.array([self.factors[one.gpu.name] or np.nan for one in settings])
        unknown = slower * np.nan
        ttft, tpot = law.ttft_seconds.value * slower, law.tpot_seconds.value * slower
        rate, tokens = law.requests_per_second.value / slower, law.tokens_per_second.value / slower
        return Predictions(*(Intervals(unknown, value, unknown) for value in (ttft, tpot, tokens, rate)))


def consulted(question, oracle):
    return consult(question, search(question), oracle)


def test_who_says_the_same_changes_nothing_but_the_basis():
    question = question_of()
    before, after = search(question), consulted(question, Told(h100=1.0, a100=1.0))
    (mine, its) = ({(one.name, one.configuration.max_concurrent_sequences): one for one in found.alternatives}
                   for found in (before, after.answer))  # fmt: skip
    assert set(mine) == set(its)
    for name, one in its.items():
        assert one.expected.tpot_p95_seconds.value == pytest.approx(mine[name].expected.tpot_p95_seconds.value)
        assert one.expected.requests_per_second.low == pytest.approx(mine[name].expected.requests_per_second.low)
    told = [one.basis for one in after.answer.alternatives].count("told")
    assert told == after.answered == after.asked == min(MOST_ASKED, len(its))


def test_an_oracle_can_turn_the_ranking():
    question = question_of()
    favours_a100 = consulted(question, Told(h100=3.0, a100=0.2)).answer.best
    favours_h100 = consulted(question, Told(h100=0.2, a100=5.0)).answer.best
    assert favours_a100 is not None and favours_a100.configuration.gpu == A100 and favours_a100.basis == "told"
    assert favours_h100 is not None and favours_h100.configuration.gpu == H100


def test_the_laws_margins_stay():
    question = question_of(gpus=(H100,))
    for one in consulted(question, Told(h100=1.7)).answer.alternatives:
        mine = next(other for other in search(question).alternatives if other.name == one.name)
        for found, law in (
            (one.expected.tpot_p95_seconds, mine.expected.tpot_p95_seconds),
            (one.expected.requests_per_second, mine.expected.requests_per_second),
        ):
            assert found.high / found.value == pytest.approx(law.high / law.value, rel=0.01)
            assert found.low / found.value == pytest.approx(law.low / law.value, rel=0.01)


def test_a_shape_that_it_does_not_know_stays_the_laws():
    question = question_of()
    found = consulted(question, Told(h100=1.3))
    assert {one.basis for one in found.answer.alternatives if one.configuration.gpu == A100} == {"law"}
    assert "told" in {one.basis for one in found.answer.alternatives if one.configuration.gpu == H100}
    mine = next(one for one in search(question).alternatives if one.configuration.gpu == A100)
    assert mine in found.answer.alternatives


def test_half_an_answer_is_none():
    class Half(Told):
        def predict(self, settings, loads):
            found = super().predict(settings, loads)
            found.tpot_seconds.value[0] = np.nan
            return found

    question = question_of(gpus=(H100,), objectives={"tpot": {"p95": "30ms"}})
    found = consulted(question, Half(h100=1.0))
    assert found.answered == found.asked - 1


def test_few_points_are_asked_and_of_lengths_all_alike():
    oracle = Told(h100=1.0, a100=1.0, l4=1.0)
    spread = {"inputLengths": {"p50": 500, "p99": 8000}, "outputLengths": {"p95": 900}}
    consulted(question_of(gpus=(H100, A100, L4), **spread), oracle)
    assert len(oracle.loads) <= MOST_ASKED * 3 * 2
    assert {(load.prompt_square, load.answer_square) for load in oracle.loads} == {(1.0, 1.0)}


def test_what_lengths_cost_stays_the_laws():
    question = question_of(gpus=(H100,), outputLengths={"p50": 100, "p95": 900})
    mine, its = search(question).best, consulted(question, Told(h100=1.0)).answer.best
    assert mine is not None and its is not None
    assert its.expected.tpot_p95_seconds.value == pytest.approx(mine.expected.tpot_p95_seconds.value)


def test_nothing_known_is_the_laws_answer():
    question = replace(question_of(), confidence=0.8)
    found = consulted(question, Told())
    assert found.answered == 0
    assert found.answer.alternatives == search(question).alternatives
