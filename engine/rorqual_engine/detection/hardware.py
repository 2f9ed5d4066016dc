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
    """Pods whose GPUs have errors, or run slower than their siblings' because something holds them down."""
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
    """Beside the best clock of the same product that is at work, on pods of this service."""
    clocks: dict[str | None, float] = {}
    for pod in holding:
        for gpu in pod.gpus:
            if _at_work(gpu):
                clocks[pod.gpu_product] = max(clocks.get(pod.gpu_product, 0.0), gpu.clock_mhz or 0.0)
    found = []
    for pod in holding:
        best = clocks.get(pod.gpu_product, 0.0)
        found += [_slowed(pod, gpu, best) for gpu in pod.gpus if gpu.held_down_by and _behind(gpu, best)]
    return found


def _at_work(gpu: GPU) -> bool:
    return bool(gpu.clock_mhz) and (gpu.busy or 0.0) >= LEAST_BUSY


def _behind(gpu: GPU, best_mhz: float) -> bool:
    return _at_work(gpu) and SLOWER_CLOCK * (gpu.clock_mhz or 0.0) <= best_mhz


def _slowed(pod: Pod, gpu: GPU, best_mhz: float) -> Symptom:
    strength = best_mhz / (gpu.clock_mhz or best_mhz) / SLOWER_CLOCK
    evidence = Evidence(f"GPU {gpu.index} clock", _clock(gpu), f"up to {best_mhz:.0f}MHz as its siblings'", pod.name)
    return Symptom(
        Verdict.FAULT, Reason.GPU_THROTTLED, evidence, strength, THROTTLED_SECONDS, Advice.CORDON_NODE
    )  # fmt: skip


def _clock(gpu: GPU) -> str:
    clock = f"{gpu.clock_mhz:.0f}MHz, " if gpu.clock_mhz is not None else ""
    heat = f" at {gpu.temperature_celsius:.0f} °C" if gpu.temperature_celsius is not None else ""
    return f"{clock}held down by {' and '.join(gpu.held_down_by)}{heat}"


def surroundings(service: Service, pods: Collection[str]) -> list[Evidence]:
    """What the named pods' GPUs and nodes say, of whatever weight: it may be why."""
    named = [pod for pod in service.pods if pod.name in pods]
    troubled = {pod.node: pod.node_problem for pod in named if pod.node is not None and pod.node_problem}
    nodes = [Evidence(f"node {name}", str(problem), "Ready") for name, problem in sorted(troubled.items())]
    return nodes + [one for pod in named for gpu in pod.gpus for one in _told(pod, gpu)]


def _told(pod: Pod, gpu: GPU) -> Iterable[Evidence]:
    expected = f"none in {format_duration(RECENT_SECONDS)}"
    if gpu.xid is not None:
        yield Evidence(f"GPU {gpu.index} XID", str(gpu.xid), expected, pod.name)
    memory = _memory_error(gpu)
    if memory is not None:
        yield Evidence(*memory, expected=expected, pod=pod.name)
    if gpu.held_down_by:
        yield Evidence(f"GPU {gpu.index} clock", _clock(gpu), "not held down", pod.name)
