"""Faults of several services that share a node, or a GPU type."""

from dataclasses import replace

import pytest

from rorqual_engine.detection import Diagnosis, blame_shared
from rorqual_engine.plan import Advice, Evidence, Health, Reason, Scope, Verdict
from rorqual_engine.snapshot import ServiceKey

from ..builders import a_pod, a_service

HEALTHY = Diagnosis(Health(Verdict.HEALTHY, Reason.ANSWERING, "all is well"))


def service(name, *nodes):
    """A replica on each of these nodes, named after service and node."""
    pods = tuple(a_pod(f"{name}-{node}", node) for node in nodes)
    return replace(a_service(pods=pods), key=ServiceKey("llm", name))


def slow(*pods, scope=Scope.POD):
    evidence = tuple(Evidence("time between tokens", "40ms", "10ms", pod) for pod in pods)
    health = Health(
        *(Verdict.FAULT, Reason.SLOW, "slow", evidence, scope, pods if scope is Scope.POD else ()),
        0.9,
        Advice.RESTART_POD,
    )
    return Diagnosis(health, frozenset(pods))


def told(*cases):
    found = blame_shared([of for of, _ in cases], [one for _, one in cases])
    return [(one.health.scope, one.health.where) for one in found]


CHAT, CODE = service("chat", "one", "two"), service("code", "one", "two")


def test_pods_of_two_services_at_fault_on_a_node_are_the_node():
    diagnoses = [slow("chat-one"), slow("code-one")]
    found = blame_shared([CHAT, CODE], diagnoses)
    for one, other in zip(found, ("llm/code", "llm/chat"), strict=True):
        health = one.health
        assert (health.scope, health.where, health.advice) == (Scope.NODE, ("one",), Advice.CORDON_NODE)
        assert health.message == f"slow; on node one pods of {other} are at fault, too, and none is well"
    assert [one.faulty_pods for one in found] == [one.faulty_pods for one in diagnoses]


def test_of_one_service_alone_its_pod_stays_the_one():
    assert told((CHAT, slow("chat-one")), (CODE, HEALTHY)) == [(Scope.POD, ("chat-one",)), (Scope.SERVICE, ())]


def test_a_pod_that_is_well_clears_the_node():
    third = service("third", "one")
    cases = [(CHAT, slow("chat-one")), (CODE, slow("code-one"))]
    assert told(*cases, (third, HEALTHY))[:2] == [(Scope.POD, ("chat-one",)), (Scope.POD, ("code-one",))]


@pytest.mark.parametrize("verdict", [Verdict.IDLE, Verdict.UNKNOWN])
def test_pods_that_do_nothing_tell_nothing(verdict):
    quiet = Diagnosis(replace(HEALTHY.health, verdict=verdict))
    cases = [(CHAT, slow("chat-one")), (CODE, slow("code-one")), (service("third", "one"), quiet)]
    assert told(*cases)[0] == (Scope.NODE, ("one",))


def test_pods_on_different_nodes_share_none():
    assert told((CHAT, slow("chat-one")), (CODE, slow("code-two"))) == [
        (Scope.POD, ("chat-one",)),
        (Scope.POD, ("code-two",)),
    ]


def test_a_service_with_pods_at_fault_elsewhere_too_has_trouble_of_its_own():
    both = slow("chat-one", "chat-two", scope=Scope.SERVICE)
    assert told((CHAT, both), (CODE, slow("code-one"))) == [(Scope.SERVICE, ()), (Scope.POD, ("code-one",))]


def test_a_service_that_is_on_that_node_alone_counts():
    alone = service("alone", "one")
    cases = [(alone, slow("alone-one", scope=Scope.SERVICE)), (CODE, slow("code-one"))]
    assert told(*cases) == [(Scope.NODE, ("one",))] * 2


def test_a_version_is_no_nodes_fault():
    cases = [(CHAT, slow("chat-one", scope=Scope.VERSION)), (CODE, slow("code-one"))]
    assert told(*cases)[1] == (Scope.POD, ("code-one",))


def test_a_pod_without_a_node_is_on_none():
    nowhere = service("nowhere", None)
    cases = [(nowhere, slow("nowhere-None")), (service("other", None), slow("other-None"))]
    assert {scope for scope, _ in told(*cases)} == {Scope.POD}


H100, L4 = "NVIDIA-H100-80GB-HBM3", "NVIDIA-L4"


def on(product, name, *nodes):
    """A service whose pods all have that GPU."""
    made = service(name, *nodes)
    return replace(made, pods=tuple(replace(pod, gpu_product=product) for pod in made.pods))


def test_a_gpu_type_on_which_nothing_is_well_while_another_is():
    cases = [
        (on(H100, "chat", "one"), slow("chat-one")),
        (on(H100, "code", "two"), slow("code-two")),
        (on(L4, "small", "three"), HEALTHY),
    ]
    found = blame_shared([of for of, _ in cases], [one for _, one in cases])
    assert [one.health.scope for one in found] == [Scope.GPU_TYPE, Scope.GPU_TYPE, Scope.SERVICE]
    assert (found[0].health.where, found[0].health.advice) == ((H100,), Advice.LOOK)
    assert found[0].health.message == (
        f"slow; on GPU type {H100} pods of llm/code are at fault, too, and none is well"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("third", "diagnosis"),
    [
        (on(H100, "third", "three"), HEALTHY),  # one of that type is well
        (on(L4, "third", "three"), slow("third-three")),  # nothing is well anywhere
    ],
)
def test_a_gpu_type_is_not_named_where_it_is_not_the_difference(third, diagnosis):
    cases = [(on(H100, "chat", "one"), slow("chat-one")), (on(H100, "code", "two"), slow("code-two"))]
    assert told(*cases, (third, diagnosis))[:2] == [(Scope.POD, ("chat-one",)), (Scope.POD, ("code-two",))]


def test_a_node_explains_better_than_its_gpus_type():
    cases = [
        (on(H100, "chat", "one"), slow("chat-one")),
        (on(H100, "code", "one"), slow("code-one")),
        (on(L4, "small", "three"), HEALTHY),
    ]
    assert told(*cases)[:2] == [(Scope.NODE, ("one",))] * 2


def test_a_service_that_blames_the_node_itself_is_named_by_the_others():
    chat = service("chat", "one", "two")
    both = slow("chat-one", scope=Scope.NODE)
    found = blame_shared([chat, CODE], [both, slow("code-one")])
    assert "llm/chat" in found[1].health.message
