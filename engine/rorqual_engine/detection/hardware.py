"""What GPUs and nodes say of themselves: errors of the driver and of memory, clocks that are held down, conditions.

Errors of the hardware count at once. A clock that is held down counts where it costs something; otherwise, as errors of
the application do, it only stands beside what a pod at fault shows.
"""

from collections.abc import Collection, Iterable, Sequence

from rorqual_engine.plan import Advice, Evidence, Reason, Symptom, Verdict
from rorqual_engine.snapshot import GPU, Pod, Service
from rorqual_engine.units import format_duration

RECENT_SECONDS = 600.0
"""Errors within it count."""
APPLICATION_XIDS = frozenset({13, 31, 43, 45, 68, 94, 109})
"""Of the program on the GPU, or contained in it: it has to start again, the GPU need not. The list that NVIDIA's
k8s-device-plugin (internal/rm/health.go) takes no GPU away for, and 94 (contained ECC error, NVIDIA's Xid catalog)."""
INFORMATIVE_XIDS = frozenset({63, 92})
"""A row remapped, many single-bit errors: the GPU works on (NVIDIA's Xid catalog)."""
SLOWER_CLOCK = 1.4
"""Factor between a sibling's clock and one that is held down, from which on it counts: as of a slow replica."""
LEAST_BUSY = 0.2
"""Idle GPUs lower their clocks themselves."""
THROTTLED_SECONDS = 30.0


def find_hardware(service: Service) -> list[Symptom]:
    """Pods whose GPUs have errors, or run slower than those of their siblings because something holds them down."""
    holding = [pod for pod in service.pods if pod.gpus and not pod.terminating]
    failing = [_failing(pod, told) for pod in holding for gpu in pod.gpus if (told := _hardware_error(gpu)) is not None]
    return failing + _throttled(holding)


def _hardware_error(gpu: GPU) -> tuple[str, str] | None:
    """Metric and value."""
    if gpu.xid is not None and gpu.xid not in APPLICATION_XIDS | INFORMATIVE_XIDS:
        return f"GPU {gpu.index} XID", str(gpu.xid)
    return _memory_error(gpu)


def _memory_error(gpu: GPU) -> tuple[str, str] | None:
    if gpu.remap_failed:
        return f"GPU {gpu.index} memory", "a faulty row that could not be remapped"
    if gpu.memory_errors > 0:
        return f"GPU {gpu.index} memory", f"{gpu.memory_errors:.0f} uncorrectable errors"
    return None


def _failing(pod: Pod, told: tuple[str, str]) -> Symptom:
    evidence = Evidence(*told, expected=f"none in {format_duration(RECENT_SECONDS)}", pod=pod.name)
    return Symptom(Verdict.FAULT, Reason.GPU_ERROR, evidence, 2.0, 0.0, Advice.CORDON_NODE)


def _throttled(holding: Sequence[Pod]) -> list[Symptom]:
    best = _best_clocks(holding)
    return [
        _slowed(pod, gpu, best[pod.gpu_product])
        for pod in holding
        for gpu in pod.gpus
        if gpu.held_down_by and _behind(gpu, best.get(pod.gpu_product))
    ]


def _best_clocks(holding: Iterable[Pod]) -> dict[str | None, float]:
    """In MHz, of a GPU at work in a pod of this service, by product."""
    best: dict[str | None, float] = {}
    for pod in holding:
        for gpu in pod.gpus:
            if _at_work(gpu):
                best[pod.gpu_product] = max(best.get(pod.gpu_product, 0.0), gpu.clock_mhz or 0.0)
    return best


def _at_work(gpu: GPU) -> bool:
    return (gpu.clock_mhz or 0.0) > 0.0 and (gpu.busy or 0.0) >= LEAST_BUSY


def _behind(gpu: GPU, best_mhz: float | None) -> bool:
    return best_mhz is not None and _at_work(gpu) and SLOWER_CLOCK * (gpu.clock_mhz or 0.0) <= best_mhz


def _slowed(pod: Pod, gpu: GPU, best_mhz: float) -> Symptom:
    strength = best_mhz / (gpu.clock_mhz or best_mhz) / SLOWER_CLOCK
    evidence = Evidence(_metric(gpu), _clock(gpu), _siblings(best_mhz), pod.name)
    return Symptom(Verdict.FAULT, Reason.GPU_THROTTLED, evidence, strength, THROTTLED_SECONDS, Advice.CORDON_NODE)


def _metric(gpu: GPU) -> str:
    return f"GPU {gpu.index} clock"


def _siblings(best_mhz: float) -> str:
    return f"up to {best_mhz:.0f}MHz, as its siblings'"


def _clock(gpu: GPU) -> str:
    clock = f"{gpu.clock_mhz:.0f}MHz" if gpu.clock_mhz is not None else "unknown"
    held = f", held down by {' and '.join(gpu.held_down_by)}" if gpu.held_down_by else ""
    heat = f" at {gpu.temperature_celsius:.0f} °C" if gpu.temperature_celsius is not None else ""
    return f"{clock}{held}{heat}"


def surroundings(service: Service, pods: Collection[str]) -> list[Evidence]:
    """What the named pods' GPUs and nodes say, of whatever weight: it may be why."""
    named = [pod for pod in service.pods if pod.name in pods]
    troubled = {pod.node: pod.node_problem for pod in named if pod.node is not None and pod.node_problem}
    nodes = [Evidence(f"node {name}", str(problem), "Ready") for name, problem in sorted(troubled.items())]
    best = _best_clocks(service.pods)
    return nodes + [one for pod in named for gpu in pod.gpus for one in _told(pod, gpu, best.get(pod.gpu_product))]


def _told(pod: Pod, gpu: GPU, best_mhz: float | None) -> Iterable[Evidence]:
    expected = f"none in {format_duration(RECENT_SECONDS)}"
    if gpu.xid is not None:
        yield Evidence(f"GPU {gpu.index} XID", str(gpu.xid), expected, pod.name)
    memory = _memory_error(gpu)
    if memory is not None:
        yield Evidence(*memory, expected=expected, pod=pod.name)
    if best_mhz is not None and _behind(gpu, best_mhz):
        yield Evidence(_metric(gpu), _clock(gpu), _siblings(best_mhz), pod.name)
    elif gpu.held_down_by:
        yield Evidence(_metric(gpu), _clock(gpu), "not held down", pod.name)
