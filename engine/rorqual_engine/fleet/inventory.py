"""Which GPUs there are, by product and node."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rorqual_engine.snapshot import Node


@dataclass(frozen=True, slots=True)
class Stock:
    """GPUs of one product."""

    product: str
    nodes: tuple[Node, ...]
    memory_mib: int | None
    """Of one GPU, by the nodes' label: the smallest, where they differ."""
    total: int
    largest_node: int
    """GPUs of the node with most of them."""

    @classmethod
    def of(cls, product: str, nodes: Iterable[Node]) -> "Stock":
        """The GPUs of these nodes, all of that product."""
        ordered = tuple(sorted(nodes, key=lambda node: node.name))
        labels = [node.memory_mib for node in ordered if node.memory_mib is not None]
        sizes = [node.gpus for node in ordered]
        return cls(product, ordered, min(labels, default=None), sum(sizes), max(sizes, default=0))


@dataclass(frozen=True, slots=True)
class Inventory:
    """GPUs of the cluster at one moment."""

    stocks: Mapping[str, Stock] = field(default_factory=dict)

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> "Inventory":
        """Groups the nodes by product; nodes without GPUs are left out."""
        by_product: dict[str, list[Node]] = {}
        for node in nodes:
            if node.gpu is not None:
                by_product.setdefault(node.gpu, []).append(node)
        return cls({product: Stock.of(product, found) for product, found in by_product.items()})

    def stock(self, product: str) -> Stock:
        """GPUs of that product; an empty stock when no node has it."""
        return self.stocks.get(product) or Stock.of(product, ())

    def memory_mib(self, product: str) -> int | None:
        """Memory of one GPU of that product by node label; None when no node says it."""
        return self.stock(product).memory_mib

    def gpus_per_node(self, product: str) -> int | None:
        """GPUs of the largest node of that product that takes pods; None when there is none."""
        return self.stock(product).largest_node or None

    def kinds(self, products: Iterable[str]) -> tuple[tuple[int | None, int | None, bool], ...]:
        """All that a configuration depends on of these products: memory, GPUs of a node, and whether there are any."""
        return tuple((self.memory_mib(one), self.gpus_per_node(one), self.present(one)) for one in products)

    def present(self, product: str) -> bool:
        """Whether at least one node has that product, busy or not."""
        return bool(self.stock(product).nodes)
