"""The part of an LLMService that Rorqual writes."""

from typing import Annotated, Literal

from pydantic import Field

from rorqual_engine.api.base import ApiModel

ListMapByType = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
Atomic = {"x-kubernetes-list-type": "atomic"}
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]

Verdict = Literal["Healthy", "Overload", "Fault", "Drift", "Misconfigured", "Idle", "Unknown"]
Scope = Literal["Pod", "Node", "Version", "GPUType", "Service"]
Advice = Literal["Nothing", "Scale", "RestartPod", "CordonNode", "RollBack", "Retune", "Look"]


class Condition(ApiModel):
    """metav1.Condition."""

    type: Annotated[str, Field(max_length=316)]
    """Name of the condition."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """CamelCase code, one of Rorqual's reasons."""
    message: Annotated[str, Field(max_length=32768)]
    """For people, with the figures."""
    last_transition_time: Time
    """When `status` last changed."""
    observed_generation: int | None = None
    """Generation of the spec that this is about."""


class Interval(ApiModel):
    """A predicted figure, and between which others it lies in nine cases of ten."""

    value: str
    """The figure, with its unit where it has one."""
    low: str
    """Lower bound."""
    high: str
    """Upper bound."""


class Capacity(ApiModel):
    """What one replica can do."""

    requests_per_second: Interval
    """Arrivals of which 95 % of the time none waits for a sequence."""
    tokens_per_second: Interval
    """Tokens of answers."""


class Predicted(ApiModel):
    """Latencies to expect with every sequence busy."""

    ttft_p95: Annotated[Interval, Field(alias="ttftP95")]
    """Time to first token, 95th percentile."""
    tpot_p95: Annotated[Interval, Field(alias="tpotP95")]
    """Time per output token, 95th percentile."""


class Recommendation(ApiModel):
    """The configuration that Rorqual would give the engine."""

    gpu: str
    """GPU product."""
    tensor_parallel: int
    """GPUs of one replica that share each layer."""
    pipeline_parallel: int = 1
    """Stages that its layers are divided into; each has so many GPUs."""
    max_concurrent_sequences: int
    """Sequences at once."""
    gpu_memory_share: float
    """Share of a GPU's memory."""
    max_context_tokens: int
    """Longest sequence."""
    kv_cache_tokens: int
    """Tokens that the KV cache holds."""
    max_batched_tokens: int | None = None
    """Tokens of one step; absent when the engine's own default counts."""
    replicas: int | None = None
    """Replicas for the workload's rate; absent when it has none."""
    cost_per_hour: str | None = None
    """Of these replicas (of one, without a rate); absent without prices."""
    capacity: Capacity | None = None
    """What one replica can do; absent when nothing is known of the GPU's speed."""
    predicted: Predicted | None = None
    """Latencies; absent when nothing is known of the GPU's speed."""
    confidence: str | None = None
    """At least so sure are all objectives kept, such as 97%; absent without objectives."""
    basis: Literal["Catalog", "Calibrated"] = "Catalog"
    """Catalog: computed. Calibrated: corrected by what the engine reported."""
    pins: Annotated[list[str], Field(json_schema_extra=Atomic)] = []
    """Fields that the spec fixes, and what that costs."""
    rejected: Annotated[list[str], Field(max_length=16, json_schema_extra=Atomic)] | None = None
    """The other alternatives, and why each fell."""
    explanation: str = ""
    """The memory budget and the prediction in words."""
    calibration_refused: str | None = None
    """Why figures of this service's engines are not believed; absent when they are."""


class RunningConfiguration(ApiModel):
    """What the engine's pods run with."""

    gpu: str
    """GPU product."""
    tensor_parallel: int
    """GPUs of one replica that share each layer."""
    pipeline_parallel: int = 1
    """Stages that its layers are divided into; each has so many GPUs."""
    max_concurrent_sequences: int | None = None
    """Sequences at once; absent when the engine's own default counts."""
    gpu_memory_share: float | None = None
    """Share of a GPU's memory; absent when the engine's own default counts."""
    max_context_tokens: int | None = None
    """Longest sequence."""
    max_batched_tokens: int | None = None
    """Tokens of one step; absent when the engine's own default counts."""
    generation: int | None = None
    """Generation of the spec that it was made from."""


class ConfigurationStatus(ApiModel):
    """Configurations by role."""

    running: RunningConfiguration | None = None
    """The one in use."""


class CalibrationPoint(ApiModel):
    """One steady load of a calibration run; latencies are medians."""

    concurrency: Annotated[float, Field(gt=0)]
    """Requests in flight."""
    input_tokens: Annotated[float, Field(gt=0)]
    """Mean tokens of a prompt."""
    output_tokens: Annotated[float, Field(gt=0)]
    """Mean tokens of an answer."""
    ttft_seconds: Annotated[float, Field(gt=0)]
    """Time to first token."""
    tpot_seconds: Annotated[float, Field(gt=0)]
    """Time per output token."""
    requests_per_second: Annotated[float, Field(gt=0)]
    """Answers finished."""


class CalibrationRun(ApiModel):
    """What `rorqual calibrate` measured on one replica."""

    time: Time
    """When."""
    gpu: str
    """GPU product."""
    tensor_parallel: int
    """GPUs of the replica that share each layer."""
    pipeline_parallel: int = 1
    """Stages that its layers are divided into."""
    points: Annotated[list[CalibrationPoint], Field(max_length=32, json_schema_extra=Atomic)]
    """Loads, the lightest first."""


class Evidence(ApiModel):
    """One figure behind a verdict."""

    metric: str
    """What was measured."""
    pod: str | None = None
    """Where; absent when it is about the whole service."""
    observed: str
    """Value, with its unit."""
    expected: str
    """What it should have been, with its unit."""
    since: Time | None = None
    """When it was first so; absent where it has no beginning."""


class Unusual(ApiModel):
    """What is unlike the service's own history; nothing acts on it."""

    since: Time
    """When it began."""
    evidence: Annotated[list[Evidence], Field(json_schema_extra=Atomic)] = []
    """The metrics that it shows in most."""


class Health(ApiModel):
    """How the service does."""

    verdict: Verdict
    """What it is."""
    since: Time | None = None
    """When this verdict began."""
    evidence: Annotated[list[Evidence], Field(json_schema_extra=Atomic)] = []
    """The figures behind it."""
    scope: Scope | None = None
    """What it is about."""
    where: Annotated[list[str], Field(json_schema_extra=Atomic)] = []
    """The pods, nodes, version (its pod-template-hash) or GPU type; empty when it is about the whole service."""
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    """How sure Rorqual is, in steps of a tenth; absent where nothing is claimed."""
    advice: Advice | None = None
    """What would help; nobody acts on it but scaling and tuning, by their own rules."""
    missing: Annotated[list[str], Field(max_length=8, json_schema_extra=Atomic)] = []
    """Signals that are not there, and what is not looked for without them."""
    unusual: Unusual | None = None
    """Told by a detector that learned from the service's history, whatever the verdict; absent while all is as usual, and before it has learned."""
    label_refused: str | None = None
    """Why the annotation rorqual.io/label cannot be read; absent when it can."""


class Decision(ApiModel):
    """One thing that Rorqual did, or would have done."""

    time: Time
    """When."""
    action: str
    """What: Scale, Configure, …"""
    from_: Annotated[str, Field(alias="from")]
    """State before."""
    to: str
    """State asked for."""
    reason: str
    """CamelCase code."""
    signal: str | None = None
    """What led to it."""
    value: str | None = None
    """The signal's value."""
    target: str | None = None
    """The signal's target."""
    limited_by: str | None = None
    """Limit that shaped it, if any."""
    message: str = ""
    """For people."""


class ScalingOption(ApiModel):
    """One number of replicas, played through until the horizon."""

    replicas: int
    """How many."""
    good_rate: float
    """Share of requests that are expected to meet the objectives."""
    gpu_seconds: float
    """What it costs, missed requests at their price included: the least is chosen."""


class ScalingSignal(ApiModel):
    """What the reactive rule looks at."""

    name: str
    """Running, Queue or KVCache."""
    value: str
    """With its unit."""
    target: str
    """With its unit."""
    replicas: float
    """Replicas that it asks for."""


class ScalingStatus(ApiModel):
    """What the number of replicas follows from."""

    rule: Literal["Predictive", "Reactive"]
    """Predictive needs objectives, and a GPU whose speed is known; Reactive goes by scaling.targets."""
    time: Time
    """When these figures were true."""
    goal: float | None = None
    """Share of requests that are to meet the objectives. This and what follows: Predictive alone."""
    requests_per_second: float | None = None
    """Arrivals now."""
    expected_requests_per_second: float | None = None
    """Mean until the horizon, over all that may come."""
    horizon_seconds: float | None = None
    """How far is looked ahead."""
    input_tokens: float | None = None
    """Mean prompt of late; the workload's while too little was seen."""
    output_tokens: float | None = None
    """Mean answer of late."""
    prefix_hit_rate: float | None = None
    """Share of the prompts' tokens that the prefix cache held of late, 0 to 1."""
    request_seconds: float | None = None
    """Of a replica, for one request."""
    work_replicas: float | None = None
    """Replicas' worth of work that is expected."""
    waiting: float | None = None
    """Requests that wait in the engines."""
    ready: int | None = None
    """Replicas that serve, as planning counts them."""
    starting: int | None = None
    """Replicas that are on their way."""
    startup_seconds: float | None = None
    """From asking for a replica until it serves."""
    missed: float | None = None
    """Share of the last hour's requests that missed an objective."""
    slowness: float | None = None
    """Seconds that replicas take over those of the performance law, as seen when all were busy."""
    trusted: bool | None = None
    """Whether what was foretold happened of late; otherwise the reactive rule counts as well."""
    options: Annotated[list[ScalingOption], Field(max_length=5, json_schema_extra=Atomic)] = []
    """Numbers of replicas about the chosen one."""
    signals: Annotated[list[ScalingSignal], Field(max_length=8, json_schema_extra=Atomic)] = []
    """What the reactive rule sees."""


class LLMServiceStatus(ApiModel):
    """What runs, how it does, what was decided and why."""

    observed_generation: int | None = None
    """Generation of the spec that this status is about."""
    replicas: int = 0
    """Pods that exist and are not ending."""
    ready_replicas: int = 0
    """Pods that serve."""
    desired_replicas: int = 0
    """Pods that Rorqual wants (or would want, in Advisory mode)."""
    selector: str = ""
    """Label selector of the pods, for the scale subresource."""
    model: str = ""
    """Model that is served."""
    gpu: str = ""
    """GPU product in use."""
    reason: str = ""
    """Why the number of replicas is what it is."""
    recommendation: Recommendation | None = None
    """The configuration that Rorqual would give the engine."""
    configuration: ConfigurationStatus | None = None
    """The configurations in use."""
    calibration: CalibrationRun | None = None
    """The last calibration run; written by `rorqual calibrate`, under its own field manager."""
    health: Health | None = None
    """How the service does."""
    scaling: ScalingStatus | None = None
    """What the number of replicas follows from; absent before anything runs."""
    decisions: Annotated[list[Decision], Field(max_length=10, json_schema_extra=Atomic)] = []
    """The last ten, newest first."""
    conditions: Annotated[list[Condition], Field(json_schema_extra=ListMapByType)] = []
    """metav1 conditions."""
