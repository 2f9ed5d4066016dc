"""What is to be done and why: the output of every decision, as plain data. Someone else carries it out."""

from dataclasses import dataclass, field
from enum import StrEnum

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.load_history import LoadHistory
from rorqual_engine.observation import Observation
from rorqual_engine.timing import Capability, StepTiming


class Reason(StrEnum):
    """The one vocabulary of reasons: Plan, condition, Event, metric label and docs use the same words."""

    # scaling
    DEMAND_ABOVE_CAPACITY = "DemandAboveCapacity"
    DEMAND_BELOW_CAPACITY = "DemandBelowCapacity"
    WITHIN_TOLERANCE = "WithinTolerance"
    AT_TARGET = "AtTarget"
    AT_MINIMUM = "AtMinimum"
    AT_MAXIMUM = "AtMaximum"
    BELOW_MINIMUM = "BelowMinimum"
    ABOVE_MAXIMUM = "AboveMaximum"
    EXTERNAL_REPLICAS = "ExternalReplicas"
    SCALING_OFF = "ScalingOff"
    ADVISORY = "Advisory"
    CONFLICTING_AUTOSCALER = "ConflictingAutoscaler"
    CREATING = "Creating"
    # holding
    METRICS_UNAVAILABLE = "MetricsUnavailable"
    METRICS_INCOMPLETE = "MetricsIncomplete"
    FAULT_IS_NOT_LOAD = "FaultIsNotLoad"
    NO_READY_REPLICAS = "NoReadyReplicas"
    ROLLOUT_IN_PROGRESS = "RolloutInProgress"
    PAUSED = "Paused"
    STALLED = "Stalled"
    # configuration
    INITIAL_CONFIGURATION = "InitialConfiguration"
    SPEC_CHANGED = "SpecChanged"
    RECOMMENDATION_ONLY = "RecommendationOnly"
    OBJECTIVES_OUT_OF_REACH = "ObjectivesOutOfReach"
    SPEED_UNKNOWN = "SpeedUnknown"
    CALIBRATION_REFUSED = "CalibrationRefused"
    # what a spec cannot have
    UNKNOWN_MODEL = "UnknownModel"
    MODEL_CONFIG_UNAVAILABLE = "ModelConfigUnavailable"
    UNKNOWN_GPU = "UnknownGPU"
    MODEL_TOO_LARGE = "ModelTooLarge"
    CONFLICTING_PINS = "ConflictingPins"
    INVALID_SPEC = "InvalidSpec"
    INVALID_TEMPLATE = "InvalidTemplate"
    REFUSED = "Refused"
    INSUFFICIENT_GPUS = "InsufficientGPUs"
    # health
    ANSWERING = "Answering"
    QUEUE_GROWING = "QueueGrowing"
    OBJECTIVE_MISSED = "ObjectiveMissed"
    KV_CACHE_FULL = "KVCacheFull"
    NOT_ANSWERING = "NotAnswering"
    RESTARTING = "Restarting"
    CANNOT_START = "CannotStart"
    NO_PROGRESS = "NoProgress"
    NOT_REACHED = "NotReached"
    SLOW = "Slow"
    FLAPPING = "Flapping"
    GPU_ERROR = "GPUError"
    GPU_THROTTLED = "GPUThrottled"
    KV_CACHE_LEAKING = "KVCacheLeaking"
    KV_CACHE_THRASHING = "KVCacheThrashing"
    TOO_FEW_SEQUENCES = "TooFewSequences"
    WORKLOAD_CHANGED = "WorkloadChanged"
    NO_REQUESTS = "NoRequests"
    NOTHING_KNOWN = "NothingKnown"


class Limiter(StrEnum):
    """What kept a decision from being what demand alone asked for."""

    MIN_REPLICAS = "MinReplicas"
    MAX_REPLICAS = "MaxReplicas"
    SCHEDULE = "Schedule"
    HARDWARE_MAX_REPLICAS = "HardwareMaxReplicas"
    GPU_INVENTORY = "GPUInventory"
    SCALE_UP_POLICY = "ScaleUpPolicy"
    SCALE_DOWN_POLICY = "ScaleDownPolicy"
    STABILIZATION = "Stabilization"
    NO_ACTIVATOR = "NoActivator"


class Verdict(StrEnum):
    """How a service does."""

    HEALTHY = "Healthy"
    OVERLOAD = "Overload"
    FAULT = "Fault"
    MISCONFIGURED = "Misconfigured"
    DRIFT = "Drift"
    IDLE = "Idle"
    UNKNOWN = "Unknown"


class Scope(StrEnum):
    """What a verdict is about."""

    POD = "Pod"
    NODE = "Node"
    VERSION = "Version"
    GPU_TYPE = "GPUType"
    SERVICE = "Service"


class Advice(StrEnum):
    """What would help. Nobody acts on it but scaling and tuning, each by its own rules."""

    NOTHING = "Nothing"
    SCALE = "Scale"
    RESTART_POD = "RestartPod"
    CORDON_NODE = "CordonNode"
    ROLL_BACK = "RollBack"
    RETUNE = "Retune"
    LOOK = "Look"


@dataclass(frozen=True, slots=True)
class Replica:
    """The GPUs of one replica, and how the model is spread over them."""

    gpu: str
    """Product."""
    tensor_parallel: int
    """GPUs that share each layer."""
    pipeline_parallel: int = 1
    """Stages, one after the other, that the layers are divided into; each has `tensor_parallel` GPUs."""

    @property
    def gpus(self) -> int:
        return self.tensor_parallel * self.pipeline_parallel

    def __str__(self) -> str:
        stages = f" in {self.pipeline_parallel} stages" if self.pipeline_parallel > 1 else ""
        return f"{self.gpus} x {self.gpu}{stages}"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What an engine is told to run with. None leaves the engine's own default."""

    gpu: str
    tensor_parallel: int
    max_concurrent_sequences: int | None = None
    gpu_memory_share: float | None = None
    max_context_tokens: int | None = None
    max_batched_tokens: int | None = None
    """Tokens of one step."""
    pipeline_parallel: int = 1

    @property
    def replica(self) -> Replica:
        return Replica(self.gpu, self.tensor_parallel, self.pipeline_parallel)

    @property
    def gpus(self) -> int:
        """Of one replica."""
        return self.replica.gpus


@dataclass(frozen=True, slots=True)
class Bounds:
    """A figure, and between which others it lies in nine cases of ten."""

    low: float
    value: float
    high: float

    def times(self, by: float) -> "Bounds":
        return Bounds(self.low * by, self.value * by, self.high * by)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a configuration is predicted to do for the workload; rates are of one replica."""

    requests_per_second: Bounds
    """Arrivals of which 95 % of the time none waits for a sequence."""
    tokens_per_second: Bounds
    """Of answers."""
    ttft_p95_seconds: Bounds
    tpot_p95_seconds: Bounds
    confidence: float | None = None
    """At least so sure are all objectives kept, 0 to 1; None without objectives."""
    replicas: int = 1
    """For the workload's rate; 1 when it has none."""
    cost_per_hour: float | None = None
    """Of these replicas; None without a price."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A configuration with the budget that it came from."""

    configuration: Configuration
    kv_cache_tokens: int
    pins: tuple[str, ...] = ()
    """What the spec fixes and what that costs, in words."""
    explanation: str = ""
    """The memory budget in words, with figures."""
    expected: Expectation | None = None
    """None when nothing is known of the speed of the GPU."""
    calibrated: bool = False
    """Corrected by what this service's engines reported."""
    problem: Reason | None = None
    """ObjectivesOutOfReach or SpeedUnknown when the objectives could not decide; the explanation has the figures."""
    rejected: tuple[str, ...] = ()
    """The other alternatives, and why each fell."""
    calibration_refused: str = ""
    """Why what was measured is not believed; empty when it is."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One reason for a number of replicas."""

    name: str
    """Concurrency, KVCache, …"""
    value: float
    target: float
    unit: str
    replicas: float
    """Replicas that this signal alone asks for, unrounded."""


@dataclass(frozen=True, slots=True)
class Apply:
    """Bring the child objects to this configuration. Replicas are written by ScaleTo alone, and here on creation."""

    configuration: Configuration
    replicas: int
    """Number of replicas that the children are to have after this plan."""
    reason: Reason
    message: str = ""


@dataclass(frozen=True, slots=True)
class ScaleTo:
    """Change the number of replicas."""

    current: int
    replicas: int
    reason: Reason
    message: str
    signal: Signal | None = None
    limited_by: tuple[Limiter, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """Change nothing, knowingly."""

    reason: Reason
    message: str
    limited_by: tuple[Limiter, ...] = ()
    signal: Signal | None = None


Command = Apply | ScaleTo | Hold


@dataclass(frozen=True, slots=True)
class Evidence:
    """One figure behind a verdict, with units in the texts."""

    metric: str
    observed: str
    expected: str
    pod: str | None = None
    since: float | None = None
    """When it was first so; None where it has no beginning."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """A sign that something is the matter, before it is believed."""

    verdict: Verdict
    reason: Reason
    evidence: Evidence
    strength: float
    """The effect over the least one that counts, in its own scale: 1 is just enough."""
    settle_seconds: float
    """It is believed when it has been there for so long."""
    advice: Advice


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A symptom over time."""

    symptom: Symptom
    """As it was last seen."""
    since: float
    seen_at: float
    settled: bool
    """It has been there for long enough once, and counts until it has been gone for a while."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """How steadily one pod has been ready since its engine began."""

    pod: str
    since: float
    """When it first was."""
    last: float
    """When it last became so."""
    returns: tuple[float, ...] = ()
    """When it became so again, within the last ten minutes."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether requests come to one pod."""

    pod: str
    at: float
    """When it was last looked at."""
    weight: float = 0.0
    """Requests that it usually gets, over those that an even share would bring it."""
    rounds: int = 0
    """That the weight was learned from."""
    missed: float = 0.0
    """Requests that would have come to it since it last had any."""
    idle_seconds: float = 0.0
    """For which it has had none."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What detection remembers of a service."""

    suspicions: tuple[Suspicion, ...] = ()
    readiness: tuple[Readiness, ...] = ()
    reach: tuple[Reach, ...] = ()
    usual_pace: float | None = None
    """Time between tokens over that of the law, the middle of its replicas, as it usually is."""
    pace_rounds: int = 0
    """Rounds that it was learned from."""
    pace_spread: float = 0.0
    """Of a replica's pace from its siblings': mean distance of the logarithms, as it usually is."""
    usual_version: str | None = None
    """Of the pods that it was learned from."""


@dataclass(frozen=True, slots=True)
class Health:
    """A verdict with its evidence."""

    verdict: Verdict
    reason: Reason
    message: str
    evidence: tuple[Evidence, ...] = ()
    scope: Scope = Scope.SERVICE
    where: tuple[str, ...] = ()
    """Names of the pods, nodes, version or GPU type; empty for the whole service."""
    confidence: float | None = None
    """0 to 1; None where nothing is claimed."""
    advice: Advice = Advice.NOTHING
    missing: tuple[str, ...] = ()
    """Signals that are not there, and what is not looked for without them."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Why a spec cannot be carried out. What runs is left as it is."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class GPUShortage:
    """More GPUs are wanted than there are."""

    gpu: str
    wanted_replicas: int
    possible_replicas: int
    gpus_per_replica: int
    gpus_free: int
    gpus_total: int

    @property
    def message(self) -> str:
        return (
            f"{self.wanted_replicas} replicas of {self.gpus_per_replica} {self.gpu} are wanted, "
            f"{self.possible_replicas} are possible: {self.gpus_free} of {self.gpus_total} GPUs are free"
        )


@dataclass(frozen=True, slots=True)
class ScaleEvent:
    """A change of replicas that was decided."""

    at: float
    change: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """A number of replicas that demand asked for at a time."""

    at: float
    replicas: int


@dataclass(frozen=True, slots=True)
class Saturation:
    """A time in which every replica had requests waiting, so that the work that they did tells their pace."""

    since: float
    replicas: int
    prompt_tokens: float
    """Prefilled by then, as LoadHistory counts."""
    generated_tokens: float


@dataclass(frozen=True, slots=True)
class Experience:
    """What predictive scaling learned of a service."""

    history: LoadHistory = field(default_factory=LoadHistory)
    configuration: Configuration | None = None
    """That the following is about."""
    startup_seconds: float | None = None
    """From a pod's creation until it serves; the median over its pods."""
    slowness: float = 1.0
    """Seconds that its replicas take over those of the law, as seen when all were busy."""
    timing: StepTiming | None = None
    """The law that `slowness` is over; calibration may change it."""
    saturation: Saturation | None = None


@dataclass(frozen=True, slots=True)
class Sized:
    """The last answer of sizing, and what it was an answer to: the same question is not worked out again."""

    spec: LLMServiceSpec
    """This very object; comparing two would take as long as sizing."""
    question: tuple[object, ...]
    answer: object
    """Sizing's own."""
    configuration: Configuration
    capability: Capability | None


@dataclass(frozen=True, slots=True)
class Memory:
    """What a service's next decision needs to know of the earlier ones. Lost at a restart without harm."""

    proposals: tuple[Proposal, ...] = ()
    """Within the longest stabilisation window."""
    events: tuple[ScaleEvent, ...] = ()
    """Within the longest policy period."""
    last_active_at: float | None = None
    """When a request was last seen."""
    known_since: float | None = None
    """When this memory began (creation, or the operator's start)."""
    configured_generation: int | None = None
    """Generation of the spec that `configured` was decided for."""
    configured: Configuration | None = None
    """The configuration decided then; it stands until the spec changes, also while its application fails."""
    configured_model: str | None = None
    """Text of the config.json from outside the spec that it was decided with."""
    verdict_since: float | None = None
    verdict: Verdict | None = None
    observations: tuple[Observation, ...] = ()
    """Operating points of engines that run `observed`, the oldest first."""
    observed: Configuration | None = None
    observed_at: float | None = None
    """When the last of them was taken."""
    experience: Experience = field(default_factory=Experience)
    watch: Watch = field(default_factory=Watch)
    sized: Sized | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One number of replicas, played through."""

    replicas: int
    good_rate: float
    """Share of the requests until the horizon that meet their objectives."""
    gpu_seconds: float
    """Missed requests at their price included: the least is the best."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a predictive decision followed from."""

    goal: float
    """Share of requests that are to be good."""
    arrivals_per_second: float
    arrivals_deviation: float
    """Of the level now."""
    expected_per_second: float
    """Mean over the horizon, over all that may come."""
    input_tokens: float
    output_tokens: float
    prefix_hit_rate: float
    """Share of prompts' tokens that the prefix cache holds."""
    request_seconds: float
    """Of a replica, for one request."""
    work_replicas: float
    """Replicas' worth of work that is expected."""
    waiting: float
    """Requests that wait in the engines."""
    ready: int
    starting: int
    startup_seconds: float
    horizon_seconds: float
    missed: float
    """Share of the last hour's requests."""
    slowness: float
    price_seconds: float
    """Of a replica, for one missed request."""
    options: tuple[Option, ...]
    trusted: bool = True
    """Whether what happened of late is what was foretold."""


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """What is to be done for one service, and everything that explains it."""

    commands: tuple[Command, ...]
    desired_replicas: int
    """What Rorqual wants, or would want in Advisory mode."""
    health: Health
    recommendation: Recommendation | None = None
    stall: Stall | None = None
    shortage: GPUShortage | None = None
    signals: tuple[Signal, ...] = ()
    limited_by: tuple[Limiter, ...] = ()
    outlook: Outlook | None = None
    """None where the reactive rule decided."""
    memory: Memory = field(default_factory=Memory)
