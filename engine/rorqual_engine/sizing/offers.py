"""Which hardware a spec allows, as alternatives in the order in which they are tried."""

import re

from rorqual_engine import catalog
from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.catalog import GPU
from rorqual_engine.fleet import Inventory
from rorqual_engine.plan import Configuration, Reason, Stall
from rorqual_engine.sizing.fit import Offer

_MIG_PROFILE = re.compile(r"mig-\d+g\.(\d+)gb")
_MIG_USABLE = 0.95
"""Share of a MIG profile's name in memory that it has at least: 1g.5gb has 4.75 GiB, 3g.40gb 39.25 GiB."""


def list_offers(spec: LLMServiceSpec, inventory: Inventory, running: Configuration | None) -> list[Offer] | Stall:
    """The spec's hardware: what runs now first, then what the cluster has, then the rest, each in the spec's order.

    Products that neither the catalog nor a node's label describes are left out; a Stall of UnknownGPU when that leaves
    none.
    """
    products = [kind.gpu for kind in spec.hardware if kind.max_replicas != 0]
    offers = [offer for product in products if (offer := _offer(spec, inventory, product)) is not None]
    if not offers:
        return _unknown_gpu(products)
    kept = running.gpu if running else None
    return sorted(offers, key=lambda offer: (offer.gpu.product != kept, not inventory.present(offer.gpu.product)))


def _offer(spec: LLMServiceSpec, inventory: Inventory, product: str) -> Offer | None:
    gpu = catalog.gpu(product, inventory.memory_mib(product))
    if gpu is None:
        return None
    if spec.sharing.scheme == "MIG":
        return Offer(_slice(gpu, spec.sharing.resource or ""), gpus_per_node=1)
    per_node = inventory.gpus_per_node(product) or gpu.gpus_per_node
    return Offer(gpu, per_node, packed=spec.sharing.scheme == "HAMi")


def _slice(gpu: GPU, resource: str) -> GPU:
    """The GPU as one MIG instance of that resource shows it; whole when the resource's name tells no size."""
    found = _MIG_PROFILE.search(resource)
    if not found:
        return gpu
    usable = min(gpu.usable_bytes / 2**30, int(found.group(1)) * _MIG_USABLE)
    return gpu.model_copy(update={"usable_gib": usable})


def _unknown_gpu(products: list[str]) -> Stall:
    if not products:
        return Stall(Reason.INVALID_SPEC, "hardware: every entry has maxReplicas 0; allow at least one replica on one")
    return Stall(
        Reason.UNKNOWN_GPU,
        f"hardware: {', '.join(products)} is neither in the catalog nor the nvidia.com/gpu.product of a node that has "
        f"the label nvidia.com/gpu.memory. The catalog knows {', '.join(catalog.gpu_products())}",
    )
