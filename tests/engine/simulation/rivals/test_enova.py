from rorqual_engine.simulation.rivals.enova import Enova, samples

from ..seeing import facts, history, view


def minutes(seconds=300, arrive=30, finish=15, **gauges):
    """One scrape each 15 s; so many requests arrive and finish in between."""
    return history(
        {"at": at, "arrived": arrive * at / 15, "finished": finish * at / 15, **gauges}
        for at in range(0, seconds + 1, 15)
    )


def decide(replicas, past, **settings):
    return Enova(facts(), **settings).decide(view([1] * replicas, past=past)).replicas


def test_more_in_the_ratio_of_arrivals_to_successes():
    busy = minutes(waiting=20, running=120, kv_use=0.5)  # 4 * 20 a minute >= 50; 120 of 128
    assert decide(2, busy) == 4
    assert decide(2, minutes(arrive=16, waiting=20, running=120, kv_use=0.5)) == 3  # 2.13


def test_never_beyond_the_cluster_and_never_less_in_this_case():
    assert decide(2, minutes(arrive=900, waiting=20, running=120)) == 8
    assert decide(2, minutes(arrive=1, waiting=20, running=120)) == 2


def test_a_queue_that_has_not_lasted_is_no_anomaly():
    assert decide(2, minutes(seconds=120, waiting=20, running=120)) == 2
    assert decide(2, minutes(waiting=12, running=120)) == 2  # 48 a minute


def test_no_more_while_neither_cache_nor_batch_is_full():
    assert decide(2, minutes(waiting=20, running=100, kv_use=0.85)) == 2
    assert decide(2, minutes(waiting=20, running=100, kv_use=0.95)) == 4


def test_half_when_almost_idle():
    assert decide(3, minutes(running=6, kv_use=0.05)) == 2
    assert decide(3, minutes(running=6, kv_use=0.2)) == 3
    assert decide(3, minutes(running=30, kv_use=0.05)) == 3
    assert decide(1, minutes(running=0, kv_use=0)) == 1


def test_every_replica_must_report():
    past = minutes(waiting=20, running=120, kv_use=0.5)
    assert Enova(facts()).decide(view([1], starting=[5], past=past)).replicas == 2


def test_samples_before_the_run_are_zeros():
    past = history([{"at": 0, "waiting": 1}, {"at": 10, "waiting": 2}, {"at": 20, "waiting": 3}])
    assert list(samples(past, "waiting", 3)) == [0, 1, 3]  # at -10, 5 and 20 s
