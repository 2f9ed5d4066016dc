"""Signals that are not there."""

from rorqual_engine.detection.missing import missing_signals
from rorqual_engine.snapshot import GPU
from rorqual_engine.timing import Capability, StepTiming

from ..builders import a_pod, a_service, a_spec, a_starting_pod

LAW = Capability(StepTiming(0.01), 64, 100_000)
PROMISED = a_spec(objectives={"ttft": {"p95": "2s"}})


def test_with_everything_nothing_is_missing():
    pods = (a_pod("a", gpus=(GPU("0"),)), a_pod("b"))
    assert missing_signals(a_service(PROMISED, pods), LAW) == ()


def test_each_is_named():
    missing = missing_signals(a_service(pods=(a_pod(),)), None)
    assert [one.split(":")[0] for one in missing] == [
        "GPU metrics (DCGM exporter)",
        "speed of the GPU",
        "objectives",
        "a second replica",
    ]


def test_nothing_is_missed_before_a_replica_serves():
    assert missing_signals(a_service(pods=(a_starting_pod("a"),)), None) == ()
