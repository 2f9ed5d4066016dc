"""What dcgm-exporter tells, as Prometheus gives it. The expressions themselves are evaluated in e2e/test_gpus.py."""

import math
from typing import Any

import pytest

from rorqual_engine.catalog.dcgm_metrics import held_down_by
from rorqual_engine.snapshot import GPU
from rorqual_operator.observe.metrics.gpus import GAUGES, MEMORY_ERRORS, XIDS, GPUSource
from rorqual_operator.observe.metrics.source import SourceError

from ...api_server import answering, text_answer

Vector = list[dict[str, Any]]
POD = {"namespace": "llm", "pod": "a"}


def row(value: float | str, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [1767268800.1, str(value)]}


def figure(name: str, value: float | str, uuid: str = "GPU-1", gpu: str = "0", **labels: str) -> dict[str, Any]:
    return row(value, __name__=f"DCGM_FI_DEV_{name}", UUID=uuid, gpu=gpu, **(labels or POD))


async def read(
    gauges: Vector, xids: Vector | None = None, memory_errors: Vector | None = None
) -> dict[Any, tuple[GPU, ...]]:  # fmt: skip
    answers = {GAUGES: gauges, XIDS: xids or [], MEMORY_ERRORS: memory_errors or []}
    return dict(await GPUSource("http://prometheus.invalid", 1.0, answers.__getitem__).read())  # type: ignore[arg-type]


async def test_all_figures_of_a_gpu() -> None:
    gauges = [
        figure("SM_CLOCK", 1410),
        figure("GPU_TEMP", 88),
        figure("GPU_UTIL", 97),
        figure("CLOCK_THROTTLE_REASONS", 0x24),
        figure("ROW_REMAP_FAILURE", 1),
    ]
    found = await read(gauges, [row(79, UUID="GPU-1")], [row(2.01, UUID="GPU-1")])
    assert found == {("llm", "a"): (GPU("0", 1410, 88, 0.97, ("heat",), 79, 2.01, remap_failed=True),)}


async def test_several_gpus_in_their_order_and_errors_with_their_own() -> None:
    gauges = [figure("SM_CLOCK", 1000, f"GPU-{index}", str(index)) for index in (2, 0, 1)]
    found = await read(gauges, [row(31, UUID="GPU-2")])
    assert [(gpu.index, gpu.xid) for gpu in found["llm", "a"]] == [("0", None), ("1", None), ("2", 31)]


async def test_labels_that_prometheus_renamed() -> None:
    """Without honorLabels `pod` is the exporter's own."""
    labels = {"namespace": "gpu-operator", "pod": "dcgm-x", "exported_namespace": "llm", "exported_pod": "b"}
    assert set(await read([figure("SM_CLOCK", 1410, **labels)])) == {("llm", "b")}


async def test_instances_of_a_gpu_are_told_apart() -> None:
    gauges = [
        figure("SM_CLOCK", 1410, GPU_I_ID="1", **POD),
        figure("SM_CLOCK", 1410, GPU_I_ID="2", namespace="llm", pod="b"),
    ]
    found = await read(gauges)
    assert {pod: gpus[0].index for pod, gpus in found.items()} == {("llm", "a"): "0/1", ("llm", "b"): "0/2"}


@pytest.mark.parametrize(
    "gauges",
    [
        [figure("SM_CLOCK", 1410, Hostname="n")],  # nobody's
        [figure("SM_CLOCK", 1410, namespace="", pod="")],
        [figure("SM_CLOCK", "NaN")],
        [],
    ],
)
async def test_what_belongs_to_no_pod_or_is_no_number_is_left_aside(gauges: Vector) -> None:
    assert await read(gauges) == {}


async def test_without_an_exporter_one_question_is_asked() -> None:
    asked: list[str] = []

    def query(text: str) -> Vector:
        asked.append(text)
        return []

    assert await GPUSource("http://prometheus.invalid", 1.0, query).read() == {}  # type: ignore[arg-type]
    assert asked == [GAUGES]


async def test_an_increase_that_is_no_number_is_no_error() -> None:
    (gpu,) = (await read([figure("SM_CLOCK", 1410)], None, [row(math.inf, UUID="GPU-1")]))["llm", "a"]
    assert gpu.memory_errors == 0


async def test_a_prometheus_that_fails_is_said_so() -> None:
    async with answering(text_answer("no", 503)) as site:
        source = GPUSource(site.url, 1.0)
        with pytest.raises(SourceError, match="Prometheus: "):
            await source.read()
        source.close()


@pytest.mark.parametrize(
    ("reasons", "words"),
    [
        (0x00, ()),
        (0x01, ()),  # idle
        (0x06, ()),  # set clocks, power limit
        (0x08, ("the hardware",)),
        (0x48, ("heat",)),
        (0x20, ("heat",)),
        (0x88, ("a power brake",)),
        (0xC0, ("heat", "a power brake")),
    ],
)
def test_what_ought_not_to_hold_a_clock_down(reasons: int, words: tuple[str, ...]) -> None:
    assert held_down_by(reasons) == words
