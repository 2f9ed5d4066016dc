"""Which hardware a spec allows, as alternatives in the order in which they are tried."""

import re
from dataclasses import replace

from rorqual_engine import catalog
from rorqual_engine.api.spec import Hardware, LLMServiceSpec
from rorqual_engine.catalog import GPU
from rorqual_engine.fleet import Inventory
from rorqual_engine.plan import Configuration, Reason, Stall
from rorqual_engine.sizing.fit import Offer

_MIG_PROFILE = re.compile(r"mig-\d+g\.(\d+)gb")
MIG_SLICES = 7
"""Compute slices of a whole GPU."""
_MIG_USABLE = 0.95
"""Share of a MIG profile's name in memory that it has at least: 1g.5gb has 4.75 GiB, 3g.40gb 39.25 GiB."""


def list_offers(spec: LLMServiceSpec, inventory: Inventory, running: Configuration | None) -> list[Offer] | Stall:
    """The spec's hardware: what runs now first, then what the cluster has, then the rest, each in the spec's order.

    Products that neither the catalog nor a node's label describes are left out; a Stall of UnknownGPU when that leaves
    none.
    """
    kinds = [kind for kind in spec.hardware if kind.max_replicas != 0]
    kept = running.gpu if running else None
    offers = [offer for kind in kinds if (offer := _offer(spec, inventory, kind, kept)) is not None]
    if not offers:
        return _unknown_gpu([kind.gpu for kind in kinds])
    return sorted(offers, key=lambda offer: offer.tier)


def _offer(spec: LLMServiceSpec, inventory: Inventory, kind: Hardware, kept: str | None) -> Offer | None:
    gpu = catalog.gpu(kind.gpu, inventory.memory_mib(kind.gpu))
    if gpu is None:
        return None
    whole = Offer(
        gpu,
        inventory.gpus_per_node(kind.gpu) or gpu.gpus_per_node,
        packed=spec.sharing.scheme == "HAMi",
        cost_per_hour=float(kind.cost_per_hour) if kind.cost_per_hour is not None else None,
        max_replicas=kind.max_replicas,
        tier=0 if kind.gpu == kept else 1 if inventory.present(kind.gpu) else 2,
    )
    return _sliced(whole, spec.sharing.resource or "") if spec.sharing.scheme == "MIG" else whole


def _sliced(offer: Offer, resource: str) -> Offer:
    """One MIG instance of that resource, with its part of the GPU's speed and price."""
    gpu = _slice(offer.gpu, resource)
    memory = gpu.usable_bytes / offer.gpu.usable_bytes
    profile = next((one for one in offer.gpu.mig if resource.endswith(f"mig-{one.name}")), None)
    compute = profile.compute_slices / MIG_SLICES if profile else memory
    return replace(
        offer, gpu=gpu, gpus_per_node=1, speed_share=min(compute, memory), cost_share=max(compute, min(1.0, memory))
    )


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
