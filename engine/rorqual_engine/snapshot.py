"""What is known at one moment: the input of every decision. Frozen, free of Kubernetes' own types, units in names.

Times are seconds since the epoch. What is not known is None; nothing is ever guessed here.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.load_history import LoadHistory
from rorqual_engine.observation import Observation
from rorqual_engine.plan import Configuration, Evidence, Memory, Replica

STALE_AFTER_SECONDS = 60.0
"""Metrics older than this count as missing."""


@dataclass(frozen=True, slots=True, order=True)
class ServiceKey:
    """Namespace and name of an LLMService."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles of a latency in seconds over the metrics window; None where nothing was observed."""

    p50_seconds: float | None = None
    p90_seconds: float | None = None
    p95_seconds: float | None = None
    p99_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """What the engine reported of its KV cache after start."""

    blocks: int
    block_size_tokens: int

    @property
    def tokens(self) -> int:
        return self.blocks * self.block_size_tokens


@dataclass(frozen=True, slots=True)
class EngineMetrics:
    """One engine's normalised figures: gauges at `observed_at`, rates and quantiles over `window_seconds` before it."""

    observed_at: float
    source: str
    """`prometheus` or `scrape`."""
    running: float
    """Requests being worked on."""
    waiting: float
    """Requests in the engine's queue."""
    kv_use: float | None = None
    """Share of the KV cache in use, 0..1."""
    window_seconds: float = 0.0
    """0 when one sample alone is known: then every rate is None."""
    requests_per_second: float | None = None
    """Finished requests."""
    prompt_tokens_per_second: float | None = None
    generation_tokens_per_second: float | None = None
    preemptions_per_second: float | None = None
    prefix_hit_rate: float | None = None
    """Share of prompts' tokens that the prefix cache held, 0..1; None where it was not asked."""
    ttft: Quantiles = Quantiles()
    tpot: Quantiles = Quantiles()
    tpot_mean_seconds: float | None = None
    """Exact, unlike quantiles, which buckets blur."""
    queue_time: Quantiles = Quantiles()
    stalled_seconds: float | None = None
    """How long requests have been worked on without a token; 0 when there were some; None when it cannot be told."""
    idle_seconds: float | None = None
    """How long nothing has been in hand and no token came; None when it cannot be told."""
    cache: CacheConfig | None = None

    def age_seconds(self, now: float) -> float:
        return now - self.observed_at


def reported_cache_tokens(metrics: Iterable[EngineMetrics]) -> int | None:
    """Tokens of KV cache that engines reported after start: the least, where they differ."""
    return min((one.cache.tokens for one in metrics if one.cache is not None and one.cache.tokens > 0), default=None)


def seconds_alike(newest_first: Iterable[tuple[float, Hashable]]) -> float:
    """For how long the newest of (when, what) has been so; 0 where it is None. Of one engine that stands still."""
    moments = iter(newest_first)
    last, what = next(moments)
    since = last
    for at, before in moments:
        if what is None or before != what:
            break
        since = at
    return last - since


@dataclass(frozen=True, slots=True)
class Growth:
    """What a service's engines did between two rounds, summed over its pods."""

    since: float
    """Of the samples that it is counted from, mean over the pods."""
    at: float
    """Of the newest samples, mean over the pods."""
    arrived: float
    """Requests that came to the engines."""
    finished: float
    prompt_tokens: float
    generated_tokens: float
    prefix_queried: float = 0.0
    """Prompt tokens that the prefix cache was asked for; 0 where it is switched off, or not told of."""
    prefix_hit: float = 0.0
    """Of these, those that it held."""
    ttft: Mapping[float, float] = field(default_factory=dict)
    """First tokens by upper bound in seconds, cumulative, +Inf included."""
    tpot: Mapping[float, float] = field(default_factory=dict)
    """The same of times per output token."""


@dataclass(frozen=True, slots=True)
class Past:
    """A service's load before this operator watched it, as its metrics store has it."""

    history: LoadHistory
    """Without what was late or slow."""
    ttft: Mapping[float, float] = field(default_factory=dict)
    """First tokens of the same time by upper bound in seconds, cumulative, +Inf included."""
    tpot: Mapping[float, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GPU:
    """What is known of one GPU that a pod holds, beside the engine's figures. What is not known is None or empty."""

    index: str
    """On its node, as nvidia-smi counts."""
    clock_mhz: float | None = None
    """Of its streaming multiprocessors."""
    temperature_celsius: float | None = None
    busy: float | None = None
    """Share of the time in which it worked, 0..1."""
    held_down_by: tuple[str, ...] = ()
    """What keeps its clock low and ought not to: heat, a power brake. A power limit that full work reaches is usual."""
    xid: int | None = None
    """The driver's last error, where it came within the last ten minutes."""
    memory_errors: float = 0.0
    """Uncorrectable ones within the last ten minutes."""
    remap_failed: bool = False
    """A faulty row of its memory has no spare left."""


@dataclass(frozen=True, slots=True)
class Pod:
    """One engine pod of a service."""

    name: str
    node: str | None
    created_at: float
    phase: str
    """Pending, Running, Succeeded, Failed or Unknown."""
    ready: bool
    ready_since: float | None = None
    """When it last became ready; None while it is not."""
    lost_at: float | None = None
    """When it was no longer ready, though its container still runs and once was; None of a pod that still starts."""
    terminating: bool = False
    ip: str | None = None
    version: str | None = None
    """Hash of the pod template that it was made from."""
    restarts: int = 0
    last_restart_at: float | None = None
    """When the container last ended, if it did."""
    waiting_reason: str | None = None
    """CrashLoopBackOff, ImagePullBackOff, … of the engine's container."""
    waiting_message: str = ""
    unschedulable: str | None = None
    """The scheduler's message when it found no node."""
    metrics: EngineMetrics | None = None
    """None when neither source gave a fresh sample."""
    unanswered_since: float | None = None
    """Since when the metrics of a pod that is, or was, ready could not be read by direct scraping either."""
    gpus: tuple[GPU, ...] = ()
    """That it holds, where something tells of them."""
    gpu_product: str | None = None
    """By its node's label."""
    node_problem: str | None = None
    """Why its node is not well, by the node's conditions."""

    @property
    def serving(self) -> bool:
        return self.ready and not self.terminating

    @property
    def started(self) -> bool:
        """Whether it serves, or did and has not ended: such a pod has to answer."""
        return not self.terminating and (self.ready or self.lost_at is not None)

    def fresh_metrics(self, now: float) -> EngineMetrics | None:
        """Its metrics, unless there are none or they are too old to decide on."""
        if self.metrics is None or self.metrics.age_seconds(now) > STALE_AFTER_SECONDS:
            return None
        return self.metrics


Heard = tuple[Pod, EngineMetrics]
"""A pod with its fresh metrics."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The Deployment as it is."""

    replicas: int
    """spec.replicas."""
    configuration: Configuration | None
    """What its pods are told to run with; None when it cannot be read back."""
    rolled_out: bool
    """Every replica runs the newest template."""
    progress_failure: str | None = None
    """Message of Progressing=False (deadline exceeded, quota, …)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a calibration run measured on one replica."""

    replica: Replica
    observations: tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A config.json from outside the spec, or why there is none."""

    origin: str
    """Where it was looked for, in words."""
    text: str | None = None
    problem: str = ""
    """Why there is no text."""


@dataclass(frozen=True, slots=True)
class Unusual:
    """What a detector that learned from a service's own history says of its metrics. It is told; nothing acts on it."""

    score: float | None = None
    """In the detector's own scale; None before enough is known, and without metrics."""
    limit: float | None = None
    """Score from which on, for some samples, it is an episode."""
    since: float | None = None
    """When the episode that is under way began; None without one."""
    evidence: tuple[Evidence, ...] = ()
    refused: str | None = None
    """Why labels of the service cannot be read."""


@dataclass(frozen=True, slots=True)
class Service:
    """One LLMService with all that belongs to it."""

    key: ServiceKey
    uid: str
    generation: int
    created_at: float
    spec: LLMServiceSpec
    paused: bool = False
    workload: Workload | None = None
    pods: tuple[Pod, ...] = ()
    service_ttft: Quantiles = Quantiles()
    """TTFT over all its pods together."""
    service_tpot: Quantiles = Quantiles()
    growth: Growth | None = None
    """None in a round that brought no newer sample."""
    past: Past | None = None
    """Told once, of a service that nothing is remembered of."""
    foreign_autoscaler: str | None = None
    """An HPA or ScaledObject aimed at our Deployment, as `Kind name`."""
    metrics_problem: str | None = None
    """Why no metrics could be had, in words; None when some source answers."""
    model_config: ModelConfig | None = None
    """The model's config.json, where the spec has it from elsewhere or knows none."""
    trial: Trial | None = None
    """The last calibration run."""
    unusual: Unusual = Unusual()
    memory: Memory = field(default_factory=Memory)
    """What the last plan asked to be remembered."""

    @property
    def config_text(self) -> str | None:
        """Text of the config.json from outside the spec."""
        return self.model_config.text if self.model_config else None

    def heard(self, now: float) -> list[Heard]:
        """The pods that serve and whose metrics are fresh enough to decide on."""
        pods = ((pod, pod.fresh_metrics(now)) for pod in self.pods if pod.serving)
        return [(pod, metrics) for pod, metrics in pods if metrics is not None]


@dataclass(frozen=True, slots=True)
class Node:
    """GPUs of one node: of one product, whole."""

    name: str
    gpu: str | None
    """Product label; None without GPUs."""
    gpus: int
    """Allocatable on a node that is ready and takes new pods, else 0."""
    gpus_used: int
    """Requested by pods bound to it and not finished."""
    memory_mib: int | None = None
    """Memory of one GPU by its label."""

    @property
    def gpus_free(self) -> int:
        return max(0, self.gpus - self.gpus_used)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that `decide` may know."""

    services: tuple[Service, ...]
    nodes: tuple[Node, ...]
