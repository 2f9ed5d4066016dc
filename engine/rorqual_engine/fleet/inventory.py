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

    @property
    def total(self) -> int:
        return sum(node.gpus for node in self.nodes)

    @property
    def free(self) -> int:
        return sum(node.gpus_free for node in self.nodes)

    @property
    def largest_node(self) -> int:
        """GPUs of the node with most of them."""
        return max(node.gpus for node in self.nodes)


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
        return cls({product: _stock(product, found) for product, found in by_product.items()})

    def stock(self, product: str) -> Stock:
        """GPUs of that product; an empty stock when no node has it."""
        return self.stocks.get(product) or Stock(product, (), None)

    def memory_mib(self, product: str) -> int | None:
        """Memory of one GPU of that product by node label; None when no node says it."""
        return self.stock(product).memory_mib

    def gpus_per_node(self, product: str) -> int | None:
        """GPUs of the largest node of that product that takes pods; None when there is none."""
        stock = self.stock(product)
        return (stock.largest_node if stock.nodes else 0) or None

    def present(self, product: str) -> bool:
        """Whether at least one node has that product, busy or not."""
        return bool(self.stock(product).nodes)


def _stock(product: str, nodes: list[Node]) -> Stock:
    labels = [node.memory_mib for node in nodes if node.memory_mib is not None]
    return Stock(product, tuple(sorted(nodes, key=lambda node: node.name)), min(labels, default=None))
