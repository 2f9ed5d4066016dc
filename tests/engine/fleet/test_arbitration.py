from hypothesis import given
from hypothesis import strategies as st

from rorqual_engine.fleet import Claim, Inventory, arbitrate
from rorqual_engine.fleet.arbitration import place
from rorqual_engine.snapshot import ServiceKey

from ..builders import A100, H100, a_node


def a_claim(name="chat", wanted=1, **more) -> Claim:
    usual = {"priority": 0, "gpu": H100, "gpus_per_replica": 1, "current": 0}
    return Claim(key=ServiceKey("llm", name), wanted=wanted, **{**usual, **more})


def replicas(nodes, *claims):
    return {key.name: grant.replicas for key, grant in arbitrate(Inventory.of(nodes), claims).items()}


def test_what_there_is_is_granted():
    assert replicas((a_node(gpus=8),), a_claim(wanted=8)) == {"chat": 8}


def test_what_there_is_not_is_a_shortage_with_figures():
    grant = arbitrate(Inventory.of((a_node(gpus=8, used=3),)), [a_claim(wanted=9)])[ServiceKey("llm", "chat")]
    assert grant.replicas == 5
    assert grant.shortage is not None
    assert (grant.shortage.wanted_replicas, grant.shortage.possible_replicas) == (9, 5)
    assert (grant.shortage.gpus_free, grant.shortage.gpus_total) == (5, 8)


def test_one_replicas_gpus_lie_on_one_node():
    nodes = (a_node("a", gpus=8, used=5), a_node("b", gpus=8, used=6))
    assert replicas(nodes, a_claim(wanted=2, gpus_per_replica=4)) == {"chat": 0}
    assert replicas(nodes, a_claim(wanted=2, gpus_per_replica=2)) == {"chat": 2}


def test_what_a_service_holds_is_its_own():
    """Two of eight GPUs are used by its own replicas; it wants two more, and gets them once."""
    nodes = (a_node(gpus=4, used=2),)
    assert replicas(nodes, a_claim(wanted=4, current=2, held={"node-0": 2})) == {"chat": 4}
    assert replicas(nodes, a_claim(wanted=5, current=2, held={"node-0": 2})) == {"chat": 4}


def test_replicas_that_wait_for_gpus_stay_asked_for():
    """Six were asked for, four run, and two GPUs are missing: nothing is taken back, nothing is added."""
    nodes = (a_node(gpus=4, used=4),)
    assert replicas(nodes, a_claim(wanted=8, current=6, held={"node-0": 4})) == {"chat": 6}


def test_fewer_are_always_granted():
    assert replicas((a_node(gpus=0),), a_claim(wanted=1, current=3)) == {"chat": 1}


def test_the_greater_priority_is_served_first():
    claims = [a_claim("a", wanted=3), a_claim("b", wanted=3, priority=1)]
    assert replicas((a_node(gpus=4),), *claims) == {"a": 1, "b": 3}


def test_equal_priorities_are_served_by_name():
    assert replicas((a_node(gpus=4),), a_claim("b", wanted=3), a_claim("a", wanted=3)) == {"a": 3, "b": 1}


def test_among_equals_a_gpu_goes_where_it_brings_the_most():
    """By hand: the second replica of b brings 3, the first of a 2, the second of a 1, the third of b 0.5."""
    a = a_claim("a", wanted=2, gains={1: 2.0, 2: 1.0})
    b = a_claim("b", wanted=3, current=1, held={"node-0": 1}, gains={2: 3.0, 3: 0.5})
    assert replicas((a_node(gpus=3, used=1),), a, b) == {"a": 1, "b": 2}
    assert replicas((a_node(gpus=4, used=1),), a, b) == {"a": 2, "b": 2}


def test_a_gain_counts_by_gpu():
    a, b = a_claim("a", wanted=1, gpus_per_replica=2, gains={1: 3.0}), a_claim("b", wanted=2, gains={1: 2.0, 2: 1.0})
    assert replicas((a_node(gpus=2),), a, b) == {"a": 0, "b": 2}


def test_who_cannot_tell_what_a_gpu_brings_comes_after_equals_who_can():
    assert replicas((a_node(gpus=3),), a_claim("a", wanted=3), a_claim("b", wanted=2, gains={1: 1.0, 2: 1.0})) == {
        "a": 1,
        "b": 2,
    }


def test_priority_is_before_gain():
    claims = [a_claim("a", wanted=3, gains={1: 9.0, 2: 9.0, 3: 9.0}), a_claim("b", wanted=3, priority=1)]
    assert replicas((a_node(gpus=4),), *claims) == {"a": 1, "b": 3}


def test_what_waits_for_gpus_is_served_before_what_is_new_of_equals():
    """b asked for two and has one; its second comes before a's first, however much that would bring."""
    claims = [a_claim("a", wanted=2, gains={1: 9.0, 2: 9.0}), a_claim("b", wanted=2, current=2, held={"node-0": 1})]
    assert replicas((a_node(gpus=2, used=1),), *claims) == {"a": 0, "b": 2}


def test_what_nobody_acts_on_comes_last():
    claims = [a_claim("a", wanted=4, priority=9, tentative=True), a_claim("b", wanted=3)]
    assert replicas((a_node(gpus=4),), *claims) == {"a": 1, "b": 3}


def test_what_a_service_holds_already_is_not_taken_from_others():
    claims = [a_claim("a", wanted=3, current=2, held={"node-0": 2}, priority=1), a_claim("b", wanted=2)]
    assert replicas((a_node(gpus=5, used=2),), *claims) == {"a": 3, "b": 2}


def test_products_do_not_mix():
    nodes = (a_node("a", gpus=2), a_node("b", gpus=2, gpu=A100))
    assert replicas(nodes, a_claim("a", wanted=3), a_claim("b", wanted=3, gpu=A100)) == {"a": 2, "b": 2}


def test_replicas_of_another_shape_give_their_gpus_back():
    """Four single-GPU replicas on a full node become one of four GPUs."""
    claim = a_claim(wanted=1, current=1, gpus_per_replica=4, released={"node-0": 4})
    grant = arbitrate(Inventory.of((a_node(gpus=4, used=4),)), [claim])[claim.key]
    assert (grant.replicas, grant.shortage) == (1, None)


def test_full_nodes_are_filled_first():
    free = {"a": 8, "b": 2}
    assert place(free, 1, 2) == 2
    assert free == {"a": 8, "b": 0}


a_fleet = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=6)
some_claims = st.lists(st.tuples(st.integers(0, 12), st.sampled_from([1, 2, 4, 8]), st.integers(-2, 2)), max_size=8)


@given(fleet=a_fleet, wants=some_claims)
def test_no_gpu_is_promised_twice(fleet, wants):
    nodes = [a_node(f"n{i}", gpus=gpus, used=min(gpus, used)) for i, (gpus, used) in enumerate(fleet)]
    claims = [
        a_claim(f"s{i}", wanted=wanted, gpus_per_replica=gpus, priority=priority)
        for i, (wanted, gpus, priority) in enumerate(wants)
    ]
    grants = arbitrate(Inventory.of(nodes), claims)
    promised = sum(grants[claim.key].replicas * claim.gpus_per_replica for claim in claims)
    assert promised <= sum(node.gpus_free for node in nodes)
    assert all(0 <= grants[claim.key].replicas <= claim.wanted for claim in claims)


@given(fleet=a_fleet, wanted=st.integers(0, 20), gpus=st.sampled_from([1, 2, 4]))
def test_alone_a_service_gets_all_that_fits(fleet, wanted, gpus):
    nodes = [a_node(f"n{i}", gpus=total, used=min(total, used)) for i, (total, used) in enumerate(fleet)]
    fits = sum(node.gpus_free // gpus for node in nodes)
    assert replicas(nodes, a_claim(wanted=wanted, gpus_per_replica=gpus)) == {"chat": min(wanted, fits)}
