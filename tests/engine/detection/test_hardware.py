"""What GPUs and nodes say of themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.detection.hardware import APPLICATION_XIDS, INFORMATIVE_XIDS, find_hardware, surroundings
from rorqual_engine.plan import Advice, Reason
from rorqual_engine.snapshot import GPU

from ..builders import a_pod, a_service

WELL = GPU("0", clock_mhz=1980, temperature_celsius=60, busy=0.9)
HOT = GPU("0", clock_mhz=900, temperature_celsius=92, busy=0.9, held_down_by=("heat",))


def pods(*gpus, **more):
    """One pod with each of these."""
    return tuple(a_pod(f"pod-{place}", gpus=(gpu,), **more) for place, gpu in enumerate(gpus))


def found(*gpus, **more):
    return [
        (one.reason, one.evidence.pod, one.evidence.metric, one.evidence.observed)
        for one in find_hardware(a_service(pods=pods(*gpus, **more)))
    ]


def test_well_gpus_and_none_say_nothing():
    assert found(WELL, WELL) == []
    assert find_hardware(a_service(pods=(a_pod(),))) == []


@pytest.mark.parametrize("xid", [48, 74, 79, 95, 119])
def test_an_error_of_the_hardware_counts(xid):
    assert found(WELL, GPU("3", xid=xid)) == [(Reason.GPU_ERROR, "pod-1", "GPU 3 XID", str(xid))]


@pytest.mark.parametrize("xid", sorted(APPLICATION_XIDS | INFORMATIVE_XIDS))
def test_an_error_of_the_application_does_not(xid):
    assert found(WELL, GPU("3", xid=xid)) == []


@pytest.mark.parametrize(
    ("gpu", "words"),
    [
        (GPU("0", memory_errors=2), "2 uncorrectable errors"),
        (GPU("0", remap_failed=True), "a faulty row that could not be remapped"),
    ],
)
def test_errors_of_memory_count(gpu, words):
    assert found(gpu) == [(Reason.GPU_ERROR, "pod-0", "GPU 0 memory", words)]


def test_a_clock_that_is_held_down_far_below_the_siblings_counts():
    assert found(WELL, HOT) == [
        (Reason.GPU_THROTTLED, "pod-1", "GPU 0 clock", "900MHz, held down by heat at 92 °C")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "gpus",
    [
        (HOT,),  # no sibling says what could be
        (HOT, HOT),
        (WELL, GPU("0", clock_mhz=1700, busy=0.9, held_down_by=("heat",))),  # hardly slower
        (WELL, GPU("0", clock_mhz=345, busy=0.0, held_down_by=("heat",))),  # idle
        (GPU("0", clock_mhz=1980, busy=0.0), HOT),  # the sibling is
        (WELL, GPU("0", clock_mhz=900, busy=0.9)),  # slow, for no known reason
        (WELL, GPU("0", busy=0.9, held_down_by=("heat",))),  # no clock
    ],
)
def test_other_low_clocks_do_not(gpus):
    assert found(*gpus) == []


def test_other_products_are_no_siblings():
    two = (a_pod("a", gpus=(WELL,), gpu_product="H100"), a_pod("b", gpus=(HOT,), gpu_product="L4"))
    assert find_hardware(a_service(pods=two)) == []


def test_the_node_is_to_be_cordoned():
    assert {one.advice for one in find_hardware(a_service(pods=pods(WELL, HOT, GPU("0", xid=79))))} == {
        Advice.CORDON_NODE
    }


def test_ending_pods_do_not_count():
    assert found(GPU("0", xid=79), terminating=True) == []


def test_surroundings_are_all_that_is_known_of_the_named_pods():
    troubled = a_pod("a", gpus=(GPU("0", xid=31), HOT), node="one", node_problem="NotReady: kubelet stopped")
    told = surroundings(a_service(pods=(troubled, a_pod("b", gpus=(GPU("1", xid=79),)))), {"a"})
    assert [(one.metric, one.observed, one.pod) for one in told] == [
        ("node one", "NotReady: kubelet stopped", None),
        ("GPU 0 XID", "31", "a"),
        ("GPU 0 clock", "900MHz, held down by heat at 92 °C", "a"),
    ]


floats = st.none() | st.floats(allow_nan=True, allow_infinity=True)
gpus = st.builds(
    GPU,
    index=st.text(max_size=3),
    clock_mhz=floats,
    temperature_celsius=floats,
    busy=floats,
    held_down_by=st.sampled_from([(), ("heat",), ("heat", "a power brake")]),
    xid=st.none() | st.integers(-1, 1000),
    memory_errors=st.floats(0, 10),
    remap_failed=st.booleans(),
)


@given(st.lists(gpus, max_size=4))
def test_whatever_gpus_say_nothing_breaks(told):
    service = a_service(pods=pods(*told))
    find_hardware(service)
    surroundings(service, {pod.name for pod in service.pods})
