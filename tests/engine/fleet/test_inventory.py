from rorqual_engine.fleet import Inventory

from ..builders import A100, H100, a_node


def test_gpus_are_counted_by_product():
    inventory = Inventory.of((a_node("a", gpus=8), a_node("b", gpus=4), a_node("c", gpu=A100), a_node("d", gpu=None)))
    assert inventory.stock(H100).total == 12
    assert inventory.gpus_per_node(H100) == 8
    assert inventory.present(A100)


def test_a_product_that_is_not_there_is_an_empty_stock():
    inventory = Inventory.of(())
    assert inventory.stock(H100).total == 0
    assert inventory.gpus_per_node(H100) is None
    assert not inventory.present(H100)


def test_a_node_that_takes_no_pods_is_present_without_gpus():
    inventory = Inventory.of((a_node(gpus=0),))
    assert inventory.present(H100)
    assert inventory.gpus_per_node(H100) is None


def test_the_smallest_memory_counts_where_labels_differ():
    nodes = (a_node("a", memory_mib=80_000), a_node("b", memory_mib=40_000), a_node("c"))
    assert Inventory.of(nodes).memory_mib(H100) == 40_000
