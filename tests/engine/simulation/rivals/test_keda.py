import numpy as np
import pytest

from rorqual_engine.simulation.history import COUNTERS, GAUGES
from rorqual_engine.simulation.rivals import keda
from rorqual_engine.simulation.rivals.keda import (
    Keda,
    KedaGuard,
    KedaQueue,
    KedaSLO,
    KedaTokens,
    Trigger,
    prefill_tokens_per_second,
)
from rorqual_engine.timing import StepTiming

from ..seeing import facts, history, view


def queued(threshold=1.0, activation=0.0):
    return [Trigger("queue", keda.queue, threshold, activation)]


def test_a_poll_wakes_from_zero():
    policy = Keda(facts(min_replicas=0), queued())
    assert policy.decide(view(asked=0, now=0)).replicas == 0
    assert policy.decide(view(asked=0, held=3, now=15)).replicas == 0  # the next poll is at 30 s
    assert policy.decide(view(asked=0, held=3, now=30)).replicas == 1


def test_it_sleeps_after_the_cooldown_alone():
    policy = Keda(facts(min_replicas=0), queued())
    assert policy.decide(view([1], [1], now=0)).replicas == 1
    assert policy.decide(view([0], now=300)).replicas == 1
    assert policy.decide(view([0], now=330)).replicas == 0


def test_it_sleeps_at_once_when_it_never_was_active():
    assert Keda(facts(min_replicas=0), queued()).decide(view([0, 0])).replicas == 0


def test_a_minimum_keeps_it_awake():
    policy = Keda(facts(min_replicas=1), queued())
    assert [policy.decide(view([0], now=now)).replicas for now in (0, 300, 600)] == [1, 1, 1]


def test_activation_is_above_its_threshold():
    policy = Keda(facts(min_replicas=0), queued(activation=2))
    assert policy.decide(view([0], [2], now=0)).replicas == 0
    assert policy.decide(view([0], [3], now=30)).replicas == 3


def test_hpa_turns_every_15_seconds():
    policy = Keda(facts(), queued(), polling_seconds=5)
    assert policy.interval_seconds == 5
    found = [
        policy.decide(view([1], [waiting], now=now)).replicas for now, waiting in ((0, 1), (5, 4), (10, 4), (15, 4))
    ]
    assert found == [1, 1, 1, 4]


def test_queue_takes_the_larger_demand():
    # 3 wait: 3 replicas; 70 run: ceil(4.4)
    policy = KedaQueue(facts(), up_window_seconds=0)
    assert policy.decide(view([30, 20, 20], [1, 1, 1])).replicas == 5


def test_queue_may_only_double():
    assert KedaQueue(facts(), up_window_seconds=0).decide(view([64], [20])).replicas == 2


def test_queue_waits_for_its_window_on_the_way_up():
    policy = KedaQueue(facts())
    found = [policy.decide(view([40], now=now)).replicas for now in (0, 285, 300)]
    assert found == [1, 1, 2]


def test_guard_subtracts_what_starts():
    # demand 80/16 = 5 with 1 ready and 2 starting: max(5 - 2, 3)
    assert KedaGuard(facts()).decide(view([80], starting=[1, 1])).replicas == 3
    # demand 8: max(8 - 2, 3), and 6 is the double of 3
    assert KedaGuard(facts()).decide(view([128], starting=[1, 1])).replicas == 6


def test_guard_passes_a_lower_demand():
    assert KedaGuard(facts(), down_window_seconds=0).decide(view([16, 16, 0, 0])).replicas == 2


def test_prefill_rate_is_that_of_full_steps():
    # 1000 tokens take 0.1 s + 0.9 s
    known = facts(batched_tokens=1000, timing=StepTiming(0.1, prompt_seconds=0.0009))
    assert prefill_tokens_per_second(known) == pytest.approx(1000)


def test_tokens_ask_for_the_backlog_one_by_one():
    known = facts(batched_tokens=1000, timing=StepTiming(0.1, prompt_seconds=0.0009))
    policy = KedaTokens(known)
    found = [
        policy.decide(view([9] * n, waiting_tokens=[6000 / n] * n, now=now)).replicas for n, now in ((1, 0), (2, 15))
    ]
    assert found == [2, 2]  # 6 s of 1.5 s ask for 4; one replica in 180 s
    assert policy.decide(view([9, 9], waiting_tokens=[3000, 3000], now=180)).replicas == 3


def test_tokens_ask_for_full_caches():
    # 1.9 caches over 0.8: ceil(2.4)
    assert KedaTokens(facts()).decide(view([9, 9], kv_use=[1.0, 0.9])).replicas == 3


def latencies(ttft):
    rows = [{"at": 0.0}, {"at": 60.0, "answered": len(ttft)}]
    return history(rows, ttft=ttft)


def test_slo_scales_by_the_share_of_the_objective():
    # P90 1.65 of 2 s is 0.825; 0.825/0.55 = 1.5: 4 + ceil(4 * 0.5)
    policy = KedaSLO(facts(), up_window_seconds=0)
    assert policy.decide(view([9] * 4, past=latencies([1.65] * 10))).replicas == 6


def test_slo_credits_what_starts():
    # half of the replicas serve: 0.825 * 0.5/0.55 = 0.75, 4 + ceil(-1): the window keeps 4
    policy = KedaSLO(facts(), up_window_seconds=0)
    seen = view([9] * 2, starting=[1, 1], past=latencies([1.65] * 10))
    assert policy._desired(seen) == 3
    assert policy.decide(seen).replicas == 4


def test_slo_holds_between_its_thresholds():
    assert KedaSLO(facts())._desired(view([9] * 4, past=latencies([1.0] * 10))) == 4


def test_slo_shrinks_below_its_threshold():
    # 0.2/0.4: 4 - floor(4 * 0.5)
    assert KedaSLO(facts())._desired(view([9] * 4, past=latencies([0.4] * 10))) == 2


def test_slo_clamps_and_smooths():
    policy = KedaSLO(facts())
    policy._desired(view([9], now=0, past=latencies([100.0] * 10)))
    # mean of 2 (clamped) and 0.5: 1.25/0.55 = 2.27; 1 + ceil(1.27)
    assert policy._desired(view([9], now=15, past=latencies([1.0] * 10))) == 3


def test_slo_takes_the_worse_objective():
    rows = [{"at": 0.0}, {"at": 60.0, "answered": 1}]
    past = history(rows, ttft=[0.2], itl=[])
    row = {**dict.fromkeys((*COUNTERS, *GAUGES), 0.0), "at": 75.0, "answered": 1.0, "finished": 1.0}
    past.add(row, np.array([0.2]), np.array([0.05]))
    assert KedaSLO(facts())._saturation(view([1], past=past)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("policy", "search"),
    [
        (KedaQueue, keda.SEARCH),
        (KedaTokens, keda.SEARCH_TOKENS),
        (KedaSLO, keda.SEARCH_SLO),
        (KedaGuard, keda.SEARCH_GUARD),
    ],
)
def test_settings_to_search_begin_with_the_defaults(policy, search):
    for name, values in search.items():
        assert policy.__init__.__kwdefaults__[name] == values[0]
