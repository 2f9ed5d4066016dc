"""The dashboard of one service: why it has the replicas that it has, and how each of them does."""

from rorqual_operator.monitoring import catalog
from rorqual_operator.monitoring.panels import Dashboard, Panel, Query, Row, Variable, graph, stat, timeline
from rorqual_operator.monitoring.promql import (
    ENGINE_PODS,
    ONE_SERVICE,
    RATE_WINDOW,
    per_pod,
    quantile_per_pod,
    rate,
    select,
)

POD = "{{pod}}"
TTFT = ("vllm:time_to_first_token_seconds",)
TPOT = ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds")
"""The second is the name before vLLM 0.11."""
QUEUE = ("vllm:request_queue_time_seconds",)


def dashboard() -> Dashboard:
    replicas = catalog.SERVICE_REPLICAS.name
    return Dashboard(
        uid="rorqual-service",
        title="Rorqual / Service",
        help="One LLMService: why it has the replicas that it has, whether it meets its objectives, and every replica.",
        rows=(_now(), _decisions(), _latency(), _engines()),
        variables=(
            Variable("namespace", "Namespace", f"label_values({replicas}, namespace)"),
            Variable("service", "Service", f'label_values({replicas}{{namespace="$namespace"}}, name)'),
        ),
    )


def _one(metric: catalog.Metric, *matchers: str) -> str:
    return select(metric, ONE_SERVICE, *matchers)


def _now() -> Row:
    return Row(
        "Now",
        (
            stat("Replicas serving", _one(catalog.SERVICE_REPLICAS, 'state="ready"')),
            stat("Replicas wanted", _one(catalog.SERVICE_REPLICAS, 'state="desired"')),
            stat("Requests worked on", _one(catalog.SERVICE_REQUESTS, 'state="running"')),
            stat("Requests queued", _one(catalog.SERVICE_REQUESTS, 'state="waiting"')),
            stat("KV cache in use", _one(catalog.SERVICE_KV_USE), "percentunit"),
            stat("Age of the metrics", _one(catalog.SERVICE_METRICS_AGE), "s"),
        ),
    )


def _decisions() -> Row:
    changes = f"sum by (action, reason) (increase({_one(catalog.DECISIONS)}[{RATE_WINDOW}]))"
    return Row(
        "Decisions",
        (
            graph("Replicas", [Query(_one(catalog.SERVICE_REPLICAS), "{{state}}")]),
            graph(
                "Replicas that each signal asks for",
                [Query(_one(catalog.SERVICE_DEMAND), "{{signal}}")],
                text="Unrounded, before bounds, windows and the GPUs that there are.",
            ),
            Panel("Decisions", (Query(changes, "{{action}} {{reason}}"),)),
            timeline("Verdict", [Query(f"{_one(catalog.SERVICE_VERDICT)} == 1", "{{verdict}}")]),
            graph(
                "How unlike its own history",
                [
                    Query(_one(catalog.SERVICE_ANOMALY_SCORE), "score"),
                    Query(_one(catalog.SERVICE_ANOMALY_LIMIT), "limit"),
                ],
                text="By a detector that has learned for an hour. Nothing acts on it; above the limit it is an Event.",
            ),
            timeline("Conditions", [Query(f"{_one(catalog.SERVICE_CONDITION)} == 1", "{{condition}} {{status}}")]),
        ),
    )


def _latency() -> Row:
    return Row(
        "Latency and objectives",
        (
            _against_objective("Time to first token", catalog.SERVICE_TTFT, "ttft"),
            _against_objective("Time per output token", catalog.SERVICE_TPOT, "tpot"),
            graph("Requests", [Query(_one(catalog.SERVICE_REQUESTS), "{{state}}")]),
        ),
    )


def _against_objective(title: str, metric: catalog.Metric, objective: str) -> Panel:
    bound = _one(catalog.SERVICE_OBJECTIVE, f'objective="{objective}"')
    return graph(title, [Query(_one(metric), "{{quantile}}"), Query(bound, "objective {{quantile}}")], "s")


def _engines() -> Row:
    finished = f"sum by (finished_reason) ({rate(select('vllm:request_success_total', ENGINE_PODS))})"
    return Row(
        "Replicas",
        (
            graph("Requests worked on", [_gauge("vllm:num_requests_running")]),
            graph("Requests queued", [_gauge("vllm:num_requests_waiting")]),
            graph("KV cache in use", [_kv_cache()], "percentunit"),
            graph("Tokens written per second", [_rate("vllm:generation_tokens_total")]),
            graph("Tokens read per second", [_rate("vllm:prompt_tokens_total")]),
            graph("Preemptions per second", [_preemptions()], text="Sequences thrown out of a full KV cache."),
            graph("Time to first token, 95th percentile", [_p95(*TTFT)], "s"),
            graph("Time per output token, 95th percentile", [_p95(*TPOT)], "s"),
            graph("Time in the queue, 95th percentile", [_p95(*QUEUE)], "s"),
            graph("Requests finished per second", [Query(finished, "{{finished_reason}}")], "reqps"),
        ),
    )


def _gauge(name: str) -> Query:
    return Query(per_pod(select(name, ENGINE_PODS)), POD)


def _rate(name: str) -> Query:
    return Query(per_pod(rate(select(name, ENGINE_PODS))), POD)


def _p95(*histograms: str) -> Query:
    return Query(quantile_per_pod(0.95, *histograms), POD)


def _kv_cache() -> Query:
    # The second is vLLM's name before 0.10.
    names = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
    return Query(" or ".join(f"max by (pod) ({select(name, ENGINE_PODS)})" for name in names), POD)


def _preemptions() -> Query:
    # Engines that count no preemptions show none rather than nothing.
    counted = _rate("vllm:num_preemptions_total").expression
    return Query(f"{counted} or 0 * {_gauge('vllm:num_requests_running').expression}", POD)
