from __future__ import annotations

import pytest

from rorqual_demo.ledger import Ledger, quantile
from rorqual_demo.request import Outcome


def test_rates_are_over_the_window() -> None:
    ledger = Ledger(window_seconds=10)
    for at in range(20):
        ledger.note_sent(float(at))
        ledger.note_token(float(at), None)
    load = ledger.load(19.5)
    assert (load.requests_per_second, load.tokens_per_second, load.sent) == (1.0, 1.0, 20)


def test_rates_at_the_begin_are_over_the_time_that_has_passed() -> None:
    ledger = Ledger(window_seconds=10)
    for at in (0.0, 1.0, 1.5):
        ledger.note_sent(at)
    assert ledger.load(2.0).requests_per_second == 1.5


def test_ttft_quantiles_forget_what_is_old() -> None:
    ledger = Ledger(window_seconds=10)
    for _ in range(5):
        ledger.note_token(0.0, 9.0)
    assert ledger.load(9.0).ttft_p95_seconds == 9.0
    for at in range(10, 15):
        ledger.note_token(float(at), 0.2)
    assert ledger.load(15.0).ttft_p95_seconds == pytest.approx(0.2)
    assert ledger.load(60.0).ttft_p95_seconds is None


def test_few_answers_have_no_quantiles() -> None:
    ledger = Ledger()
    for at in range(4):
        ledger.note_token(float(at), 1.0)
    assert ledger.load(4.0).ttft_p50_seconds is None


def test_what_ended_is_counted() -> None:
    ledger = Ledger()
    for _ in range(4):
        ledger.note_sent(0.0)
    ledger.note_outcome(Outcome(0, 1, 0.1, 5, "a"))
    ledger.note_outcome(Outcome(0, 1, error="HTTP 500: oh"))
    ledger.note_outcome(Outcome(0, 1, error="HTTP 500: no"))
    load = ledger.load(1.0)
    assert (load.in_flight, load.answered, load.failed) == (1, 1, 2)
    assert ledger.errors() == {"HTTP 500": 2}


def test_quantiles() -> None:
    assert quantile([], 0.5) is None
    assert quantile([1.0, 3.0], 0.5) == 2.0


def test_the_first_request_is_no_burst() -> None:
    ledger = Ledger()
    ledger.note_sent(0.0)
    assert ledger.load(0.02).requests_per_second == 1.0
