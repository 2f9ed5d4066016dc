from rorqual_engine.scaling import read_load
from rorqual_engine.snapshot import STALE_AFTER_SECONDS

from ..builders import NOW, a_pod, a_service, a_starting_pod, pods_with, some_metrics


def load_of(pods, faulty=()):
    return read_load(a_service(pods=pods), faulty, NOW)


def test_ready_pods_with_fresh_metrics_are_known():
    load = load_of(pods_with(some_metrics(1), some_metrics(2)))
    assert [one.running for one in load.known] == [1, 2]
    assert (load.missing, load.serving) == (0, 2)


def test_stale_metrics_are_missing_ones():
    fresh, stale = some_metrics(age=STALE_AFTER_SECONDS), some_metrics(age=STALE_AFTER_SECONDS + 1)
    load = load_of(pods_with(fresh, stale, None))
    assert (len(load.known), load.missing) == (1, 2)


def test_starting_and_ending_pods_are_not_counted():
    load = load_of((a_pod("a"), a_starting_pod("b"), a_pod("c", terminating=True)))
    assert (len(load.known), load.missing, load.serving) == (1, 0, 1)


def test_faulty_pods_are_set_apart():
    load = load_of((a_pod("a"), a_pod("b"), a_starting_pod("c")), faulty={"b", "c"})
    assert (len(load.healthy), len(load.faulty), load.faults) == (1, 1, 2)
