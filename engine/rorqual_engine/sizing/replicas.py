"""How a model can be spread over the GPUs of one node."""

from collections.abc import Collection

from rorqual_engine.catalog import GPU
from rorqual_engine.plan import Replica
from rorqual_engine.sizing.engine import Engine
from rorqual_engine.sizing.pins import Pins

_TENSOR_PARALLEL = (1, 2, 4, 8, 16, 32, 64)
FAST_LINK_GB = 100.0
"""A second, one way: the slowest fabric that joins all GPUs of a node; PCIe and bridges between two are below it."""


def whole_replicas(engine: Engine, pins: Pins, gpu: GPU, gpus: int) -> list[Replica]:
    """Those that the pins name, else every tensor parallel degree in one stage; the fewest GPUs first.

    Pins are taken at their word: what they ask for may be more than the `gpus` of the node.
    """
    stages = pins.stages or 1
    if pins.tensor_parallel:
        return [Replica(gpu.product, pins.tensor_parallel, stages)]
    degrees = tensor_parallel_choices(engine, max(1, gpus // stages))
    return [Replica(gpu.product, degree, stages) for degree in degrees]


def staged_replicas(engine: Engine, pins: Pins, gpu: GPU, gpus: int) -> list[Replica]:
    """Ways to divide the model into stages on a node of `gpus`: the fewest GPUs first, of the same the fewest stages.

    Of sizes with which a node holds the same number of replicas only the largest, since the others leave GPUs idle: 8,
    4 and 2 of 8, and 6, 3 and 2 of 6. None where a pin decides.
    """
    if pins.stages:
        return []
    sizes = {gpus // replicas for replicas in range(1, gpus + 1)}
    found = [
        Replica(gpu.product, degree, size // degree)
        for degree in tensor_parallel_choices(engine, gpus)
        for size in sizes
        if size > degree and size % degree == 0 and not stages_refused(engine, size // degree)
    ]
    return sorted(found, key=lambda replica: (replica.gpus, replica.pipeline_parallel))


def may_be_best(replica: Replica, gpu: GPU, served: Collection[int]) -> bool:
    """Whether stages may be the best use of so many GPUs; `served` are the numbers on which one stage fits.

    Over NVLink and its like one stage nearly always is: both read the same weights on the same GPUs, but with stages a
    token passes them one after the other. Over PCIe the two exchanges a layer of tensor parallel can cost more than
    that. What is left out keeps the search short.
    """
    return replica.gpus not in served or gpu.link is None or gpu.link.gb_per_second < FAST_LINK_GB


def stages_refused(engine: Engine, stages: int) -> str:
    """Why an engine cannot run in so many stages; empty when it can.

    vLLM has no speculative decoding in stages (vllm-project/vllm issues 49355 and 57755).
    """
    if stages > engine.facts.layers:
        return f"{stages} stages are more than the {engine.facts.layers} layers of {engine.name}"
    if stages > 1 and engine.accepted_tokens > 1:
        return "speculative decoding (workload.tokensPerStep above 1) does not go with stages of a pipeline"
    return ""


def tensor_parallel_choices(engine: Engine, gpus: int) -> list[int]:
    """Powers of two up to `gpus` over which the heads can be split."""
    return [count for count in _TENSOR_PARALLEL if count <= gpus and splits(engine, count)]


def splits(engine: Engine, tensor_parallel: int) -> bool:
    """Whether query heads divide evenly, and key/value heads divide or repeat evenly. With MLA query heads alone do."""
    facts = engine.facts
    if facts.attention_heads % tensor_parallel:
        return False
    if facts.latent_size is not None:
        return True
    return facts.kv_heads % tensor_parallel == 0 or tensor_parallel % facts.kv_heads == 0
