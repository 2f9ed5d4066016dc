"""The part of an LLMService that its user writes."""

import math
from itertools import combinations, pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from rorqual_engine.api.base import ApiModel, Decimal, Duration, cel, cel_rules

Text = Annotated[str, StringConstraints(min_length=1, max_length=253)]
Percent = Annotated[int, Field(ge=1, le=100)]
PositiveInt = Annotated[int, Field(ge=1, le=2**31 - 1)]
ListMap = {"x-kubernetes-list-type": "map"}
Atomic = {"x-kubernetes-list-type": "atomic"}
PreserveUnknown = {"x-kubernetes-preserve-unknown-fields": True}


SOURCES = ("hf://", "pvc://", "s3://", "oci://", "file://")


def _known_source(text: str) -> str:
    if not any(text.startswith(scheme) and len(text) > len(scheme) for scheme in SOURCES):
        raise ValueError(f"{text!r} must start with hf://, pvc://, s3://, oci:// or file://")
    return text


class Architecture(ApiModel):
    """The figures of a model that the catalog does not know: those of its config.json."""

    parameters: Annotated[int, Field(ge=1_000_000)]
    """Number of parameters, embeddings included."""
    layers: PositiveInt
    """Transformer layers (num_hidden_layers)."""
    hidden_size: PositiveInt
    """Width of the residual stream (hidden_size)."""
    attention_heads: PositiveInt
    """Query heads (num_attention_heads)."""
    kv_heads: PositiveInt
    """Key/value heads (num_key_value_heads)."""
    head_size: PositiveInt
    """Size of one head (head_dim)."""
    vocabulary: PositiveInt
    """Tokens in the vocabulary (vocab_size)."""
    max_context_tokens: PositiveInt
    """Longest context that the model was made for (max_position_embeddings)."""


class SecretKey(ApiModel):
    """One key of a Secret in the service's namespace."""

    name: Text
    """Name of the Secret."""
    key: Text
    """Key in the Secret."""


class ConfigMapKey(ApiModel):
    """One key of a ConfigMap in the service's namespace."""

    name: Text
    """Name of the ConfigMap, which must have the label rorqual.io/model-config: "true"."""
    key: Text = "config.json"
    """Key in the ConfigMap."""


class ConfigSource(ApiModel):
    """Where the text of a config.json is."""

    config_map_key_ref: ConfigMapKey
    """Key of a ConfigMap that holds it."""


class Model(ApiModel):
    """Which model is served, and where its weights come from."""

    name: Text
    """Name that clients ask for; looked up in Rorqual's catalog unless `architecture` is given."""
    source: (
        Annotated[
            str,
            StringConstraints(max_length=1024),
            AfterValidator(_known_source),
            Field(
                json_schema_extra=cel(
                    "self.matches('^(hf|pvc|s3|oci|file)://.+$')",
                    "must start with hf://, pvc://, s3://, oci:// or file://",
                ),
            ),
        ]
        | None
    ) = None
    """Where the weights are: hf://ORG/NAME, pvc://CLAIM/PATH, s3://BUCKET/PATH, oci://IMAGE, file:///PATH. Default: hf:// with the name."""
    token_secret: SecretKey | None = None
    """Secret key that holds the hub's token (HF_TOKEN)."""
    credentials_secret: Text | None = None
    """Secret whose keys become environment variables of the engine, such as AWS_ACCESS_KEY_ID for s3://."""
    quantization: Literal["none", "fp8", "awq", "gptq", "int8"] = "none"
    """How the weights are stored."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Type of unquantised weights and activations; auto is bfloat16."""
    kv_cache_dtype: Literal["auto", "fp8"] = "auto"
    """Type of the KV cache; auto follows dtype."""
    max_context_tokens: PositiveInt | None = None
    """Longest sequence (prompt and output) that the engine accepts. Default: the model's own limit, or what fits."""
    architecture: Architecture | None = None
    """Figures of a model that the catalog does not know."""
    config_json: Annotated[str, StringConstraints(min_length=2, max_length=65536)] | None = None
    """Text of the model's config.json: tells more than `architecture`, and wins over it and over the catalog."""
    config_json_from: ConfigSource | None = None
    """The same text from a ConfigMap; instead of `configJson`."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            "!has(self.configJson) || !has(self.configJsonFrom)",
            "configJson and configJsonFrom exclude each other",
        )
    )

    @model_validator(mode="after")
    def _one_config_json(self) -> Self:
        if self.config_json is not None and self.config_json_from is not None:
            raise ValueError("configJson and configJsonFrom exclude each other")
        return self


class Engine(ApiModel):
    """The inference engine."""

    runtime: Literal["vLLM"] = "vLLM"
    """Engine to run."""
    version: Annotated[
        str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+([.+-][0-9A-Za-z.-]+)?$", max_length=64)
    ] = "0.19.0"
    """Version of the engine; its memory law and metric names follow from it."""
    image: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = None
    """Container image. Default: the runtime's own image of that version."""
    extra_args: Annotated[
        list[Annotated[str, StringConstraints(max_length=4096)]],
        Field(max_length=64, json_schema_extra=Atomic),
    ] = []
    """Arguments added to the engine's command line. They win over the recommendation and are reported as pins."""


class Hardware(ApiModel):
    """One kind of GPU that the service may run on."""

    gpu: Text
    """Product, as in the node label nvidia.com/gpu.product."""
    cost_per_hour: Decimal | None = None
    """Price of one GPU for one hour, in any currency; it decides among alternatives of equal preference."""
    max_replicas: Annotated[int, Field(ge=0)] | None = None
    """At most so many replicas on this kind."""


class Sharing(ApiModel):
    """How a share of a GPU becomes a resource request."""

    scheme: Literal["Exclusive", "HAMi", "MIG", "DRA"] = "Exclusive"
    """Exclusive asks for whole GPUs; HAMi for a share of memory; MIG for a profile; DRA for a claim."""
    resource: Text | None = None
    """Extended resource to ask for. Default: nvidia.com/gpu; with MIG the profile, such as nvidia.com/mig-3g.40gb."""
    claim_template: Text | None = None
    """ResourceClaimTemplate to use with DRA."""

    model_config = ConfigDict(
        json_schema_extra=cel_rules(
            cel(
                "self.scheme != 'MIG' || has(self.resource)",
                "sharing.resource must name the MIG profile's resource when scheme is MIG",
            ),
            cel(
                "self.scheme != 'DRA' || has(self.claimTemplate)",
                "sharing.claimTemplate must be given when scheme is DRA",
            ),
        )
    )

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.scheme == "MIG" and self.resource is None:
            raise ValueError("sharing.resource must name the MIG profile's resource when scheme is MIG")
        if self.scheme == "DRA" and self.claim_template is None:
            raise ValueError("sharing.claimTemplate must be given when scheme is DRA")
        return self


PERCENTILES = (50, 90, 95, 99)


class LengthPercentiles(ApiModel):
    """Lengths in tokens at percentiles; at least one."""

    p50: PositiveInt | None = None
    """Median."""
    p90: PositiveInt | None = None
    """90th percentile."""
    p95: PositiveInt | None = None
    """95th percentile."""
    p99: PositiveInt | None = None
    """99th percentile."""

    model_config = ConfigDict(
        json_schema_extra=cel_rules(
            cel(
                "has(self.p50) || has(self.p90) || has(self.p95) || has(self.p99)",
                "give at least one of p50, p90, p95, p99",
            ),
            cel(
                " && ".join(
                    f"(!has(self.p{low}) || !has(self.p{high}) || self.p{low} <= self.p{high})"
                    for low, high in combinations(PERCENTILES, 2)
                ),
                "a higher percentile must not be below a lower one",
            ),
        )
    )

    def given(self) -> tuple[tuple[int, int], ...]:
        """Percentile and tokens, ascending, of those that are given."""
        found = ((percentile, getattr(self, f"p{percentile}")) for percentile in PERCENTILES)
        return tuple((percentile, tokens) for percentile, tokens in found if tokens is not None)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        given = self.given()
        if not given:
            raise ValueError("give at least one of p50, p90, p95, p99")
        for (low, less), (high, more) in pairwise(given):
            if less > more:
                raise ValueError(
                    f"a higher percentile must not be below a lower one, found p{low} {less} and p{high} {more}"
                )
        return self


def _mean_rule(mean: str, lengths: str) -> dict[str, Any]:
    """Markov's inequality, in CEL."""
    rules = (
        f"(!has(self.{lengths}.p{percentile}) || self.{mean} * 100 >= self.{lengths}.p{percentile} * {100 - percentile})"
        for percentile in PERCENTILES
    )
    return cel(
        f"!has(self.{lengths}) || ({' && '.join(rules)})",
        f"{mean} is too small for {lengths}: with N % of all as long as a percentile, the mean is at least N % of it",
    )


class Workload(ApiModel):
    """A first guess at the load; what is measured replaces it."""

    input_tokens: PositiveInt = 1024
    """Mean tokens of a prompt."""
    input_lengths: LengthPercentiles | None = None
    """Tokens of prompts at percentiles. Default: the spread of Azure's trace of 2023 for TTFT, all alike otherwise."""
    output_tokens: PositiveInt = 256
    """Mean tokens of an answer."""
    output_lengths: LengthPercentiles | None = None
    """Tokens of answers at percentiles. Default: all alike."""
    requests_per_second: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    """Mean arrival rate."""
    prefix_hit_rate: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the prompts' tokens that the prefix cache already holds."""
    tokens_per_step: Annotated[float, Field(ge=1, le=16)] = 1.0
    """Tokens that one decode step yields for a sequence: above 1 with speculative decoding, as many as are accepted."""

    model_config = ConfigDict(
        json_schema_extra=cel_rules(
            _mean_rule("inputTokens", "inputLengths"), _mean_rule("outputTokens", "outputLengths")
        )
    )

    @model_validator(mode="after")
    def _possible_means(self) -> Self:
        _check_mean("input", self.input_tokens, self.input_lengths)
        _check_mean("output", self.output_tokens, self.output_lengths)
        return self


def _check_mean(name: str, mean: int, lengths: LengthPercentiles | None) -> None:
    """Raises ValueError where Markov's inequality forbids a percentile."""
    for percentile, tokens in lengths.given() if lengths else ():
        longer = 100 - percentile
        if mean * 100 < tokens * longer:
            raise ValueError(
                f"{name}Tokens {mean} is too small for {name}Lengths.p{percentile} {tokens}: "
                f"with {longer} % of all as long as that, the mean is at least {math.ceil(tokens * longer / 100)}"
            )


class Percentiles(ApiModel):
    """Upper bounds at percentiles; at least one."""

    p50: Duration | None = None
    """Median."""
    p90: Duration | None = None
    """90th percentile."""
    p95: Duration | None = None
    """95th percentile."""
    p99: Duration | None = None
    """99th percentile."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            "has(self.p50) || has(self.p90) || has(self.p95) || has(self.p99)",
            "give at least one of p50, p90, p95, p99",
        )
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if not (self.p50 or self.p90 or self.p95 or self.p99):
            raise ValueError("give at least one of p50, p90, p95, p99")
        return self


class Objectives(ApiModel):
    """What good service means."""

    ttft: Percentiles | None = None
    """Time to first token."""
    tpot: Percentiles | None = None
    """Time per output token after the first (inter-token latency)."""


class Configuration(ApiModel):
    """How much of the engine's configuration Rorqual decides. A value pins it."""

    mode: Literal["Auto", "Initial", "Recommend", "Off"] = "Initial"
    """Initial applies the recommendation when the spec changes; Recommend writes it to status alone; Off makes none: engines then run with the pins and their own defaults. Auto is Initial until re-tuning by canary arrives."""
    max_concurrent_sequences: Annotated[int, Field(ge=1, le=65536)] | None = None
    """Sequences that one replica works on at once (vLLM: --max-num-seqs)."""
    gpu_memory_share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of a GPU's memory that the engine may use (vLLM: --gpu-memory-utilization)."""
    tensor_parallel: Annotated[int, Field(ge=1, le=64)] | None = None
    """GPUs that one replica spreads each layer over (vLLM: --tensor-parallel-size). Without pipelineParallel all of its GPUs."""
    pipeline_parallel: Annotated[int, Field(ge=1, le=64)] | None = None
    """Stages that one replica divides its layers into, each on tensorParallel GPUs (vLLM: --pipeline-parallel-size)."""


class ScalingPolicy(ApiModel):
    """How much may change in a period; the fields of autoscaling/v2."""

    type: Literal["Pods", "Percent"]
    """Unit of `value`."""
    value: PositiveInt
    """Largest change."""
    period_seconds: Annotated[int, Field(ge=1, le=1800)]
    """Window in seconds over which the change is counted."""


class ScalingRules(ApiModel):
    """Limits in one direction; the fields of autoscaling/v2."""

    stabilization_window_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    """Past recommendations considered, in seconds. Default: 0 up, 300 down, as HPA."""
    select_policy: Literal["Max", "Min", "Disabled"] = "Max"
    """Which policy counts when several are given; Disabled forbids this direction."""
    policies: Annotated[list[ScalingPolicy], Field(max_length=16, json_schema_extra=Atomic)] | None = None
    """Default: up 4 pods or 100 % in 15 s, down 100 % in 15 s, as HPA."""
    tolerance_percent: Annotated[int, Field(ge=0, le=100)] = 10
    """Demand may differ from capacity by so much before anything changes."""


class Behavior(ApiModel):
    """Limits on speed, with the meaning they have in autoscaling/v2."""

    scale_up: ScalingRules = ScalingRules()
    """Limits on adding replicas."""
    scale_down: ScalingRules = ScalingRules()
    """Limits on removing replicas."""


class Targets(ApiModel):
    """How full a replica may be before another is wanted."""

    concurrency_percent: Percent = 80
    """Running and waiting requests, as a share of the sequences that a replica works on at once."""
    kv_cache_percent: Percent = 80
    """Use of the KV cache."""


class Schedule(ApiModel):
    """Bounds from one time on, until the next schedule's time."""

    cron: Annotated[str, StringConstraints(min_length=9, max_length=100)]
    """When these bounds begin: minute hour day month weekday."""
    timezone: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "UTC"
    """IANA time zone of `cron`."""
    min_replicas: Annotated[int, Field(ge=0, le=10000)] | None = None
    """Lower bound from then on. Default: scaling.minReplicas."""
    max_replicas: Annotated[int, Field(ge=1, le=10000)] | None = None
    """Upper bound from then on. Default: scaling.maxReplicas."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            "!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
            "minReplicas must not be above maxReplicas",
        )
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_replicas is not None and self.max_replicas is not None and self.min_replicas > self.max_replicas:
            raise ValueError("minReplicas must not be above maxReplicas")
        return self


class Scaling(ApiModel):
    """Who decides the number of replicas, and within which bounds."""

    mode: Literal["Internal", "External", "Advisory", "Off"] = "Internal"
    """Internal: Rorqual scales. External: an HPA or KEDA drives spec.replicas through /scale. Advisory: Rorqual says what it would do. Off: the number stays."""
    min_replicas: Annotated[int, Field(ge=0, le=10000)] = 1
    """Fewest replicas. 0 is held at 1 until Rorqual can wake a service from zero."""
    max_replicas: Annotated[int, Field(ge=1, le=10000)] = 8
    """Most replicas."""
    goal: Annotated[float, Field(ge=0.5, le=0.999)] | None = None
    """Share of requests that are to meet the objectives: the greater, the more GPUs are spent on keeping them. Default: the objectives' highest percentile, but at least 0.9."""
    idle_after: Duration = "15m"
    """Without a request for so long, the service counts as idle."""
    targets: Targets = Targets()
    """How full a replica may be before another is wanted, where the objectives do not tell it."""
    behavior: Behavior = Behavior()
    """Limits on speed, as in autoscaling/v2."""
    schedules: Annotated[list[Schedule], Field(max_length=32, json_schema_extra=Atomic)] = []
    """Other bounds at given times; the one that began last counts."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            "self.minReplicas <= self.maxReplicas",
            "minReplicas must not be above maxReplicas",
            messageExpression="'minReplicas must not be above maxReplicas, found %d and %d'.format([self.minReplicas, self.maxReplicas])",
        )
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"minReplicas {self.min_replicas} must not be above maxReplicas {self.max_replicas}")
        return self


class Detection(ApiModel):
    """What Rorqual does about performance anomalies."""

    mode: Literal["Repair", "Observe", "Off"] = "Observe"
    """Observe reports them; Off does not look. Repair is Observe until repair arrives."""
    false_alarms_per_week: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """What the detector that learns from the service's own history (status.health.unusual) may raise where nothing is wrong: its limit is set for it. No verdict depends on it."""


class TemplateMetadata(ApiModel):
    """Labels and annotations added to the engine's pods."""

    labels: dict[str, str] = {}
    """Added labels; Rorqual's own win."""
    annotations: dict[str, str] = {}
    """Added annotations."""


class Template(ApiModel):
    """Passed through to the engine's pods."""

    metadata: TemplateMetadata = TemplateMetadata()
    """Labels and annotations."""
    spec: Annotated[dict[str, Any], Field(json_schema_extra=PreserveUnknown)] = {}
    """A partial PodSpec (nodeSelector, tolerations, volumes, serviceAccountName, …), merged as kubectl's strategic merge does; a container named `engine` is Rorqual's own."""


REPLICAS_RULE = cel_rules(
    cel(
        "self.scaling.mode != 'External' || has(self.replicas)",
        "replicas must be given when scaling.mode is External: an HPA takes a missing count as switched off",
        fieldPath=".replicas",
    ),
    cel(
        "self.scaling.mode == 'External' || !has(self.replicas)",
        "replicas may be given only when scaling.mode is External: Rorqual decides it otherwise",
        fieldPath=".replicas",
    ),
)


class LLMServiceSpec(ApiModel):
    """What to serve, on what, how well."""

    model: Model
    """Which model is served."""
    engine: Engine = Engine()
    """The inference engine."""
    hardware: Annotated[
        list[Hardware],
        Field(min_length=1, max_length=16, json_schema_extra={**ListMap, "x-kubernetes-list-map-keys": ["gpu"]}),
    ]
    """Kinds of GPU in order of preference; the first that fits the model and is there is used."""
    sharing: Sharing = Sharing()
    """How a share of a GPU becomes a resource request."""
    workload: Workload = Workload()
    """A first guess at the load."""
    objectives: Objectives = Objectives()
    """What good service means."""
    configuration: Configuration = Configuration()
    """How much of the engine's configuration Rorqual decides."""
    scaling: Scaling = Scaling()
    """Who decides the number of replicas, and within which bounds."""
    detection: Detection = Detection()
    """What Rorqual does about performance anomalies."""
    priority: Annotated[int, Field(ge=-1000000, le=1000000)] = 0
    """Who gets scarce GPUs: the greater first."""
    replicas: Annotated[int, Field(ge=0, le=10000)] | None = None
    """Number of replicas in scaling.mode External alone; written by whoever drives /scale."""
    template: Template = Template()
    """Passed through to the engine's pods."""

    model_config = ConfigDict(json_schema_extra=REPLICAS_RULE)

    @model_validator(mode="after")
    def _replicas_and_mode(self) -> Self:
        if self.scaling.mode == "External" and self.replicas is None:
            raise ValueError(
                "replicas must be given when scaling.mode is External: an HPA takes a missing count as switched off"
            )
        if self.scaling.mode != "External" and self.replicas is not None:
            raise ValueError("replicas may be given only when scaling.mode is External: Rorqual decides it otherwise")
        return self

    @model_validator(mode="after")
    def _distinct_hardware(self) -> Self:
        names = [kind.gpu for kind in self.hardware]
        if len(set(names)) < len(names):
            raise ValueError(f"hardware lists the same gpu twice: {', '.join(names)}")
        return self

    def hardware_of(self, gpu: str) -> Hardware | None:
        """The entry of that product, or None."""
        return next((kind for kind in self.hardware if kind.gpu == gpu), None)
