"""The dashboard of all services together, and of the operator itself."""

from rorqual_operator.monitoring import catalog
from rorqual_operator.monitoring.panels import Dashboard, Panel, Query, Row, graph, stat, timeline
from rorqual_operator.monitoring.promql import RATE_WINDOW, rate, select

BY_SERVICE = "{{namespace}}/{{name}}"


def dashboard() -> Dashboard:
    return Dashboard(
        uid="rorqual-fleet",
        title="Rorqual / Fleet",
        help="Every LLMService: how many replicas, how they do, what Rorqual decided, and how Rorqual itself does.",
        rows=(_now(), _services(), _latency(), _operator()),
    )


def _replicas(state: str) -> str:
    return select(catalog.SERVICE_REPLICAS, f'state="{state}"')


def _gpus(state: str) -> str:
    return select(catalog.GPUS, f'state="{state}"')


def _now() -> Row:
    return Row(
        "Now",
        (
            stat("Services", f"count({_replicas('current')})"),
            stat("Replicas serving", f"sum({_replicas('ready')})"),
            stat("Replicas wanted", f"sum({_replicas('desired')})"),
            stat("GPUs free", f"sum({_gpus('free')})"),
            stat("Leaders", f"sum({catalog.LEADER.name})", text="One, or nothing is decided."),
            stat("Since the last pass", f"time() - max({catalog.LAST_TICK.name})", "s"),
        ),
    )


def _services() -> Row:
    changes = f"sum by (action, reason) (increase({catalog.DECISIONS.name}[{RATE_WINDOW}]))"
    return Row(
        "Services",
        (
            graph(
                "Replicas",
                [
                    Query(f"sum by (namespace, name) ({_replicas('desired')})", f"{BY_SERVICE} wanted"),
                    Query(f"sum by (namespace, name) ({_replicas('ready')})", f"{BY_SERVICE} serving"),
                ],
            ),
            graph("Requests", [_by_service_and_state()], text="Worked on and queued, over all replicas."),
            graph("KV cache in use", [Query(catalog.SERVICE_KV_USE.name, BY_SERVICE)], "percentunit"),
            timeline("Verdicts", [Query(f"{catalog.SERVICE_VERDICT.name} == 1", f"{BY_SERVICE} {{{{verdict}}}}")]),
            Panel("Decisions", (Query(changes, "{{action}} {{reason}}"),), width=12),
            graph("GPUs", [Query(f"sum by (gpu, state) ({catalog.GPUS.name})", "{{gpu}} {{state}}")]),
            graph("Tokens written per second", [_tokens("vllm:generation_tokens_total")]),
            graph("Tokens read per second", [_tokens("vllm:prompt_tokens_total")]),
        ),
    )


def _by_service_and_state() -> Query:
    return Query(f"sum by (namespace, name, state) ({catalog.SERVICE_REQUESTS.name})", f"{BY_SERVICE} {{{{state}}}}")


def _tokens(counter: str) -> Query:
    return Query(f"sum by (namespace) ({rate(counter)})", "{{namespace}}")


def _latency() -> Row:
    return Row(
        "Latency, 95th percentile",
        (
            _p95("Time to first token", catalog.SERVICE_TTFT),
            _p95("Time per output token", catalog.SERVICE_TPOT),
            graph(
                "Age of the metrics",
                [Query(catalog.SERVICE_METRICS_AGE.name, BY_SERVICE)],
                "s",
                "Of the oldest sample that the last decision used.",
            ),
        ),
    )


def _p95(title: str, metric: catalog.Metric) -> Panel:
    return graph(title, [Query(select(metric, 'quantile="0.95"'), BY_SERVICE)], "s")


def _operator() -> Row:
    slow = f"histogram_quantile(0.99, sum by (le) ({rate(f'{catalog.TICK_DURATION.name}_bucket')}))"
    errors = f"sum by (resource, reason) ({rate(catalog.KUBERNETES_ERRORS.name)}) or vector(0)"
    writes = f"sum by (verb, resource) ({rate(catalog.KUBERNETES_WRITES.name)})"
    memory = f"process_resident_memory_bytes and on (job, instance) {catalog.LEADER.name}"
    return Row(
        "Operator",
        (
            graph("Duration of a pass, 99th percentile", [Query(slow, "p99")], "s"),
            graph("Passes per second", [Query(f"sum by (outcome) ({rate(catalog.TICKS.name)})", "{{outcome}}")]),
            graph("Writes to Kubernetes per second", [Query(writes, "{{verb}} {{resource}}")], "reqps"),
            graph("Errors of Kubernetes per second", [Query(errors, "{{resource}} {{reason}}")], "reqps"),
            graph("Sources of metrics", [Query(f"max by (source) ({catalog.METRICS_SOURCE_UP.name})", "{{source}}")]),
            graph("Memory", [Query(memory, "{{instance}}")], "bytes"),
        ),
    )
