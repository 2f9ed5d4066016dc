"""Targets of 10 unless said otherwise."""

import pytest

from rorqual_engine.simulation.rivals.aibrix import SEARCH, AIBrixAPA, AIBrixKPA, Cooldown

from ..seeing import facts, view


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ([10, 10, 10, 10], 4),
        ([11, 11, 11, 11], 4),
        ([16, 16, 16, 16], 7),  # ceil(4 * 1.6)
        ([50, 50, 50, 50], 8),  # the double at most
        ([6, 6, 6, 6], 3),  # ceil(4 * 0.6)
        ([1, 1, 1, 1], 2),  # the half at least
    ],
)
def test_apa_scales_by_the_mean_within_its_rates(figures, expected):
    assert AIBrixAPA(facts(), target=10).decide(view(figures)).replicas == expected


def test_apa_means_over_its_window():
    policy = AIBrixAPA(facts(), target=10)
    policy.decide(view([10, 10], now=0))
    assert policy.decide(view([20, 20], now=170)).replicas == 3  # 15/10 of 2
    assert policy.decide(view([20, 20], now=180)).replicas == 4  # the first has left


def test_apa_without_figures_keeps_what_there_is():
    assert AIBrixAPA(facts()).decide(view(missing=3)).replicas == 3


def test_kpa_divides_the_whole_services_requests():
    assert AIBrixKPA(facts(), target=10).decide(view([15, 15], held=4)).replicas == 4


def test_kpa_keeps_to_its_rates():
    assert AIBrixKPA(facts(), target=10).decide(view([40, 40])).replicas == 4
    assert AIBrixKPA(facts(), target=10).decide(view([2] * 6)).replicas == 3


def test_kpa_tolerates_a_little_about_the_target():
    assert AIBrixKPA(facts(), target=10).decide(view([11])).replicas == 1
    assert AIBrixKPA(facts(), target=10).decide(view([12])).replicas == 2


def test_kpa_panics_when_the_short_mean_is_more_than_the_double():
    policy = AIBrixKPA(facts(), target=10)
    for now in range(0, 120, 10):
        policy.decide(view([2, 2], now=now))
    for now in range(120, 170, 10):
        policy.decide(view([20, 19], now=now))
    # stable (12 * 4 + 6 * 39)/18 = 15.7, and 39 over the last minute
    decision = policy.decide(view([20, 19], now=170))
    assert decision.replicas == 4
    assert decision.why.startswith("panic: 15.7 (panic 39)")


def test_the_cooldown_hastens_a_decrease():
    cooldown = Cooldown(0, 300)
    assert cooldown.apply(1, 1, 0) == 1
    assert cooldown.apply(1, 6, 10) == 6
    assert cooldown.apply(6, 5, 20) == 1
    assert cooldown.apply(6, 5, 320) == 5


def test_without_a_cooldown_the_newest_counts():
    cooldown = Cooldown(0, 0)
    cooldown.apply(6, 1, 0)
    assert cooldown.apply(6, 5, 10) == 5


@pytest.mark.parametrize("policy", [AIBrixKPA, AIBrixAPA])
def test_settings_to_search_begin_with_the_defaults(policy):
    defaults = {**policy.__init__.__kwdefaults__, "target": 16}
    assert all(defaults[name] == values[0] for name, values in SEARCH.items())
