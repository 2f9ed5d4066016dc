"""How long one prediction takes, and a full search over ten GPU types."""

import statistics
import time
from collections.abc import Callable

from rorqual_engine import catalog
from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.fleet import Inventory
from rorqual_engine.sizing.performance import Load, predict
from rorqual_engine.sizing.performance.setting import Setting
from rorqual_engine.sizing.recommend import Case, ask, read_case
from rorqual_engine.sizing.search import search
from rorqual_engine.sizing.speed import accelerator_of, shape_of
from rorqual_engine.snapshot import Node

MODEL = "meta-llama/Llama-3.1-70B-Instruct"
GPU_TYPES = 10


def predict_ms(repeats: int = 200) -> float:
    """Median of single predictions, each of a load not asked before."""
    known, gpu = catalog.model(MODEL), catalog.gpu("NVIDIA-H200")
    assert known is not None and gpu is not None
    accelerator = accelerator_of(gpu, 1.0)
    assert accelerator is not None
    setting = Setting(shape_of(MODEL, known.facts), accelerator, "fp8", tensor_parallel=2)
    return _median_ms(lambda at: predict(setting, Load(1.0 + at, 1024, 1024)), repeats)


def search_ms(repeats: int = 9) -> float:
    """Median of full searches, each with another length of prompt, so that no earlier answer serves."""
    return _median_ms(lambda at: search(_question(1000 + at)), repeats)


def _question(prompt: int):  # type: ignore[no-untyped-def]
    products = [name for name in catalog.gpu_products() if _usable(name)][:GPU_TYPES]
    spec = LLMServiceSpec.model_validate(
        {
            "model": {"name": MODEL},
            "hardware": [{"gpu": product, "costPerHour": "2"} for product in products],
            "objectives": {"ttft": {"p95": "2s"}, "tpot": {"p95": "50ms"}},
            "workload": {"requestsPerSecond": 4, "inputTokens": prompt},
        }
    )
    nodes = tuple(Node(f"node-{at}", product, 8, 0) for at, product in enumerate(products))
    case = read_case(spec, Inventory.of(nodes), None)
    assert isinstance(case, Case), case
    return ask(case)


def _usable(product: str) -> bool:
    gpu = catalog.gpu(product)
    return gpu is not None and gpu.vendor == "NVIDIA" and accelerator_of(gpu, 1.0) is not None


def _median_ms(call: Callable[[int], object], repeats: int) -> float:
    taken = []
    for at in range(repeats):
        start = time.perf_counter()
        call(at)
        taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)
