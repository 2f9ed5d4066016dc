"""What symptoms have in common."""

from rorqual_engine.detection.scope import locate
from rorqual_engine.plan import Scope

from ..builders import a_pod, a_service

PODS = (
    a_pod("a", "one", version="v1"),
    a_pod("b", "one", version="v2"),
    a_pod("c", "two", version="v1"),
    a_pod("d", "two", version="v2"),
)


def where(*pods, of=PODS):
    return locate(a_service(pods=of), pods)


def test_one_pod_is_a_pod():
    assert where("a") == (Scope.POD, ("a",))


def test_all_pods_of_a_node_are_the_node():
    assert where("a", "b") == (Scope.NODE, ("one",))


def test_all_pods_of_a_version_are_the_version():
    assert where("b", "d") == (Scope.VERSION, ("v2",))


def test_some_of_each_are_pods():
    assert where("a", "d") == (Scope.POD, ("a", "d"))


def test_all_of_them_are_the_service():
    assert where("a", "b", "c", "d") == (Scope.SERVICE, ())


def test_a_single_replica_is_a_pod():
    assert where("a", of=PODS[:1]) == (Scope.POD, ("a",))


def test_no_pod_is_the_service():
    assert where() == (Scope.SERVICE, ())


def test_a_well_pod_on_the_node_clears_it():
    more = (*PODS, a_pod("e", "one", version="v3"))
    assert where("a", "b", of=more) == (Scope.POD, ("a", "b"))


def test_a_node_that_is_not_well_is_the_node_whatever_else_is_on_it():
    pods = (a_pod("a", "one", node_problem="NotReady"), a_pod("b", "two"), a_pod("c", "one"))
    assert where("a", of=pods) == (Scope.NODE, ("one",))


def test_several_nodes_that_are_not_well_are_all_named():
    pods = (a_pod("a", "two", node_problem="NotReady"), a_pod("b", "one", node_problem="NotReady"), a_pod("c", "one"))
    assert where("a", "b", of=pods) == (Scope.NODE, ("one", "two"))
