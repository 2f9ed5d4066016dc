"""Runs in which one known thing goes wrong at a known time: what a diagnosis is judged by.

All are of one service, four replicas of Llama 3.1 8B on an H100, whose load is about half of what they can do, with
slow waves and bursts. Everything is drawn from a seed. The names are those of `INCIDENTS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Stall, Verdict
from rorqual_engine.simulation.arrivals import RateCurve, arrivals
from rorqual_engine.simulation.facts import facts_of
from rorqual_engine.simulation.lengths import Lognormal
from rorqual_engine.simulation.policy import Facts
from rorqual_engine.simulation.requests import Requests, requests_of
from rorqual_engine.simulation.run import Fault, Service
from rorqual_engine.timing import Capability

REPLICAS = 4
DURATION_SECONDS = 1800.0
BEGIN_SECONDS = (900.0, 1080.0)
LASTS_SECONDS = 300.0
USUAL_SHARE = (0.25, 0.4)
"""Of what all replicas can do, on average."""
WAVE, WAVE_SECONDS = 0.2, 1200.0
VARIATION = 1.5
"""Of the gaps between requests."""
INPUTS, OUTPUTS = Lognormal(1020, 0.5), Lognormal(129, 1.0)
MEAN_INPUT, MEAN_OUTPUT = 1155, 211
SCRAPE_SECONDS = 5.0
RESTART_REMEMBERED_SECONDS = 600.0
"""A pod that restarted counts as at fault for so long."""
LOW = 0.5
"""Share of the usual load before a misfit shows."""
LEAK_SEEN = 0.2
"""Share of the cache that has to be lost before anybody is to notice."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is the matter, from when until when."""

    verdict: Verdict
    """Healthy where nothing is; Unknown where nothing can be known."""
    begin: float
    end: float
    replicas: frozenset[int] = frozenset()
    """At fault; empty where it is the whole service."""
    fades_seconds: float = 150.0
    """After its end in which it may still be told: windows, queues and hysteresis have to run out."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A run and what is the matter in it."""

    name: str
    seed: int
    spec: LLMServiceSpec
    service: Service
    truth: Truth


@dataclass(frozen=True, slots=True)
class _Setting:
    """What a kind of incident is built on."""

    random: np.random.Generator
    begin: float
    share: float

    @property
    def end(self) -> float:
        return self.begin + LASTS_SECONDS

    @property
    def replica(self) -> int:
        return int(self.random.integers(REPLICAS))


Build = Callable[[_Setting], tuple[LLMServiceSpec, Service, Truth]]


def incident(name: str, seed: int) -> Incident:
    """The incident of that name and seed; ValueError for a name that is none."""
    if name not in INCIDENTS:
        raise ValueError(f"incident: expected one of {', '.join(INCIDENTS)}; found {name!r}")
    random = np.random.default_rng([seed, *name.encode()])
    setting = _Setting(random, float(random.uniform(*BEGIN_SECONDS)), float(random.uniform(*USUAL_SHARE)))
    return Incident(name, seed, *INCIDENTS[name](setting))


def describe(name: str) -> str:
    """In a line."""
    return " ".join((INCIDENTS[name].__doc__ or "").split())


def a_spec(sequences: int | None = None, tpot_ms: float = 50.0) -> LLMServiceSpec:
    """The service; as many sequences as memory allows, or those given."""
    body: dict[str, Any] = {
        "model": {"name": "meta-llama/Llama-3.1-8B-Instruct", "maxContextTokens": 8192},
        "hardware": [{"gpu": "NVIDIA-H100-80GB-HBM3"}],
        "objectives": {"ttft": {"p95": "2s"}, "tpot": {"p95": f"{tpot_ms:g}ms"}},
        "workload": {"inputTokens": MEAN_INPUT, "outputTokens": MEAN_OUTPUT},
        "configuration": {"tensorParallel": 1, **({"maxConcurrentSequences": sequences} if sequences else {})},
        "scaling": {"minReplicas": REPLICAS, "maxReplicas": REPLICAS},
    }
    return LLMServiceSpec.model_validate(body)


def facts(spec: LLMServiceSpec) -> Facts:
    found = facts_of(spec, startup_seconds=60.0)
    if isinstance(found, Stall):
        raise RuntimeError(f"incidents: {found.message}")  # noqa: TRY004 it is no wrong type
    return found


def replica_rate() -> float:
    """Requests a second that one replica can serve at most, with as many sequences as fit and keep the objective."""
    known = facts(a_spec())
    capability = Capability(known.timing, known.sequences, known.kv_tokens)
    most = capability.sequences_that_fit(MEAN_INPUT + MEAN_OUTPUT, known.itl_seconds)
    return 1.0 / capability.request_seconds(MEAN_INPUT, MEAN_OUTPUT, most)


def _usual(setting: _Setting) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Requests a second over time."""
    phase = setting.random.uniform(0, 2 * np.pi)
    base = setting.share * REPLICAS * replica_rate()
    return lambda at: base * (1.0 + WAVE * np.sin(2 * np.pi * at / WAVE_SECONDS + phase))


def _requests(
    setting: _Setting, factor: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None
) -> Requests:
    usual = _usual(setting)
    curve = RateCurve.of_function(lambda at: usual(at) * (factor(at) if factor else 1.0), DURATION_SECONDS)
    at = arrivals(curve, setting.random, VARIATION)
    return requests_of(
        at, INPUTS.draw(len(at), setting.random), OUTPUTS.draw(len(at), setting.random), DURATION_SECONDS
    )


def _running(spec: LLMServiceSpec, requests: Requests, *faults: Fault, truth: Facts | None = None) -> Service:
    return Service(truth or facts(spec), requests, REPLICAS, startup_variation=0.1, faults=faults)


def _clean(setting: _Setting) -> tuple[LLMServiceSpec, Service, Truth]:
    """Nothing is the matter."""
    spec = a_spec()
    return spec, _running(spec, _requests(setting)), Truth(Verdict.HEALTHY, 0.0, DURATION_SECONDS)


def _overload(setting: _Setting) -> tuple[LLMServiceSpec, Service, Truth]:
    """Within a minute to between 1.3 and 2 times what all replicas can do."""
    spec, top = a_spec(), setting.random.uniform(1.3, 2.0) / setting.share

    def factor(at: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.interp(at, [setting.begin, setting.begin + 60, setting.end, setting.end + 1], [1.0, top, top, 1.0])

    full = setting.begin + 60 * (1 / setting.share - 1) / (top - 1)
    return (
        spec,
        _running(spec, _requests(setting, factor)),
        Truth(Verdict.OVERLOAD, full, setting.end, fades_seconds=DURATION_SECONDS),
    )


def _flash_crowd(setting: _Setting) -> tuple[LLMServiceSpec, Service, Truth]:
    """At once 1.5 to 3 times what all replicas can do, for a minute or two."""
    spec, top = a_spec(), setting.random.uniform(1.5, 3.0) / setting.share
    end = setting.begin + setting.random.uniform(60, 120)

    def factor(at: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where((at >= setting.begin) & (at < end), top, 1.0)

    requests = _requests(setting, factor)
    return spec, _running(spec, requests), Truth(Verdict.OVERLOAD, setting.begin, end, fades_seconds=DURATION_SECONDS)


def _slow_gpu(setting: _Setting) -> tuple[LLMServiceSpec, Service, Truth]:
    """Clocks throttled: one replica takes 1.6 to 3 times as long."""
    spec, replica, slowness = a_spec(), setting.replica, float(setting.random.uniform(1.6, 3.0))
    faults = (Fault(setting.begin, replica, "slow", slowness), Fault(setting.end, replica, "slow", 1.0))
    truth = Truth(Verdict.FAULT, setting.begin, setting.end, frozenset({replica}))
    return spec, _running(spec, _requests(setting), *faults), truth


def _stuck_decode(setting: _Setting) -> tuple[LLMServiceSpec, Service, Truth]:
    """One replica holds its requests and makes no token."""
    spec, replica = a_spec(), setting.replica
    faults = (Fault(setting.begin, replica, "slow", np.inf), Fault(setting.end, replica, "slow", 1.0))
    truth = Truth(Verdict.FAULT, setting.begin, setting.end, frozenset({replica}))
    return spec, _running(spec, _requests(setting), *faults), truth


def _memory_leak(setting: _Setting) -> tuple[LLMServiceSpec, Service, Truth]:
    """The KV cache of one replica fills for nobody, within five minutes up to half of it or more."""
    spec, replica = a_spec(), setting.replica
    cache, share = facts(spec).kv_tokens, setting.random.uniform(0.5, 0.8)
    steps = np.arange(setting.begin, setting.end, 5.0)
    faults = [Fault(float(at), replica, "leak", tokens=int(share * cache / len(steps))) for at in steps]
    seen = setting.begin + LEAK_SEEN / share * LASTS_SECONDS
    truth = Truth(Verdict.FAULT, seen, DURATION_SECONDS, frozenset({replica}))
    return spec, _running(spec, _requests(setting), *faults), truth


def _raised(setting: _Setting, by: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda at: np.where((at >= setting.begin) & (at < setting.end), by, 1.0)


def _kv_thrash(setting: _Setting) -> tuple[LLMServiceSpec, Service, Truth]:
    """The cache is smaller than it is told to be; it does until the load rises, to what the GPUs could serve."""
    spec, setting = a_spec(), replace(setting, share=LOW * setting.share)
    sound = facts(spec)
    small = replace(sound, kv_tokens=int(setting.random.uniform(24_000, 30_000)))
    requests = _requests(setting, _raised(setting, 0.6 / setting.share))
    return (
        spec,
        _running(spec, requests, truth=small),
        Truth(Verdict.MISCONFIGURED, setting.begin, setting.end, fades_seconds=DURATION_SECONDS),
    )


def _few_sequences(setting: _Setting) -> tuple[LLMServiceSpec, Service, Truth]:
    """max_num_seqs holds the load back that the GPUs could serve."""
    spec, setting = a_spec(sequences=int(setting.random.integers(10, 15))), replace(setting, share=LOW * setting.share)
    requests = _requests(setting, _raised(setting, 0.6 / setting.share))
    return (
        spec,
        _running(spec, requests),
        Truth(Verdict.MISCONFIGURED, setting.begin, setting.end, fades_seconds=DURATION_SECONDS),
    )


def _network_loss(setting: _Setting) -> tuple[LLMServiceSpec, Service, Truth]:
    """One replica answers only now and then."""
    spec, replica, faults, at = a_spec(), setting.replica, [], setting.begin
    while at < setting.end:
        lost, heard = setting.random.uniform(40, 90), setting.random.uniform(5, 15)
        faults += [Fault(at, replica, "silent"), Fault(min(at + lost, setting.end), replica, "heard")]
        at += lost + heard
    truth = Truth(Verdict.FAULT, setting.begin, setting.end, frozenset({replica}))
    return spec, _running(spec, _requests(setting), *faults), truth


def _dead_replica(setting: _Setting) -> tuple[LLMServiceSpec, Service, Truth]:
    """One replica is killed, and starts anew."""
    spec, replica = a_spec(), setting.replica
    truth = Truth(
        *(Verdict.FAULT, setting.begin, setting.begin + 60.0, frozenset({replica})), RESTART_REMEMBERED_SECONDS
    )
    return spec, _running(spec, _requests(setting), Fault(setting.begin, replica, "kill")), truth


def _crash_loop(setting: _Setting) -> tuple[LLMServiceSpec, Service, Truth]:
    """One replica is killed again and again."""
    spec, replica = a_spec(), setting.replica
    faults = [Fault(float(at), replica, "kill") for at in np.arange(setting.begin, setting.end, 80.0)]
    truth = Truth(*(Verdict.FAULT, setting.begin, setting.end, frozenset({replica})), RESTART_REMEMBERED_SECONDS)
    return spec, _running(spec, _requests(setting), *faults), truth


def _workload_drift(setting: _Setting) -> tuple[LLMServiceSpec, Service, Truth]:
    """Prompts, or answers, become 2 to 3 times as long, and requests fewer."""
    spec, by = a_spec(), float(setting.random.uniform(2.0, 3.0))
    requests = _requests(setting, lambda at: np.where(at >= setting.begin, 1.0 / by, 1.0))
    later = requests.arrival_seconds >= setting.begin
    prompts = setting.random.random() < 0.5
    longer = {
        name: np.where(later & chosen, getattr(requests, name) * by, getattr(requests, name)).astype(np.int32)
        for name, chosen in (("input_tokens", prompts), ("output_tokens", not prompts))
    }
    truth = Truth(Verdict.DRIFT, setting.begin, setting.end, fades_seconds=DURATION_SECONDS)
    return spec, _running(spec, replace(requests, **longer)), truth


def _metric_gap(setting: _Setting) -> tuple[LLMServiceSpec, Service, Truth]:
    """Nobody's metrics can be had for a while."""
    end = setting.begin + float(setting.random.uniform(60, 240))
    faults = [
        Fault(at, replica, kind)
        for replica in range(REPLICAS)
        for at, kind in ((setting.begin, "silent"), (end, "heard"))
    ]
    spec = a_spec()
    return spec, _running(spec, _requests(setting), *faults), Truth(Verdict.UNKNOWN, setting.begin, end)


def _slower_version(setting: _Setting) -> tuple[LLMServiceSpec, Service, Truth]:
    """A deploy, pod after pod, of what takes 1.6 to 2.5 times as long."""
    spec, slowness = a_spec(), float(setting.random.uniform(1.6, 2.5))
    faults = [Fault(setting.begin + 20.0 * one, one, "deploy", slowness) for one in range(REPLICAS)]
    truth = Truth(Verdict.FAULT, setting.begin, DURATION_SECONDS, frozenset(range(REPLICAS)))
    return spec, _running(spec, _requests(setting), *faults), truth


INCIDENTS: Mapping[str, Build] = MappingProxyType(
    {
        "clean": _clean,
        "overload": _overload,
        "flash-crowd": _flash_crowd,
        "slow-gpu": _slow_gpu,
        "stuck-decode": _stuck_decode,
        "memory-leak": _memory_leak,
        "kv-thrash": _kv_thrash,
        "few-sequences": _few_sequences,
        "network-loss": _network_loss,
        "dead-replica": _dead_replica,
        "crash-loop": _crash_loop,
        "workload-drift": _workload_drift,
        "metric-gap": _metric_gap,
        "slower-version": _slower_version,
    }
)
