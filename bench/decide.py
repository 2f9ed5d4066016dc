"""How long `decide` takes for many services, all of them predictively scaled and under load.

    python bench/decide.py [--services 1000] [--pods 10] [--rounds 5] [--overloaded] [--json]

Every service has an hour of history and the memory of the round before, as in the operator. One process, one core.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.decide import decide
from rorqual_engine.load_history import LoadHistory
from rorqual_engine.plan import Configuration, Experience, Memory
from rorqual_engine.snapshot import EngineMetrics, Growth, Node, Pod, Service, ServiceKey, Snapshot, Workload

NOW = 1_800_000_000.0
TICK_SECONDS = 10.0
GPU = "NVIDIA-H100-80GB-HBM3"
RUNNING = Configuration(GPU, 1, 100, 0.9, 8192)
NODE_GPUS = 8


def a_spec(most: int) -> LLMServiceSpec:
    return LLMServiceSpec.model_validate(
        {
            "model": {"name": "meta-llama/Llama-3.1-8B-Instruct"},
            "hardware": [{"gpu": GPU}],
            "objectives": {"ttft": {"p95": "2s"}, "tpot": {"p95": "50ms"}},
            "workload": {"inputTokens": 1000, "outputTokens": 200},
            "scaling": {"maxReplicas": most},
        }
    )


def a_history(rate: float, seed: int) -> LoadHistory:
    at = NOW - 3600 + TICK_SECONDS * np.arange(1, 361)
    count = np.cumsum(np.random.default_rng(seed).poisson(rate * TICK_SECONDS, len(at))).astype(float)
    names = ("arrived", "answered", "timed", "finished")
    tokens = {"prompt_tokens": 1000 * count, "generated_tokens": 200 * count}
    return LoadHistory.of({"at": at, **dict.fromkeys(names, count), **tokens})


def a_service(number: int, pods: int, waiting: float) -> Service:
    rate = pods * (4.0 + number % 5)
    metrics = EngineMetrics(
        NOW, "prometheus", running=20, waiting=waiting, kv_use=0.3, window_seconds=60.0,
        requests_per_second=rate / pods, prompt_tokens_per_second=1000 * rate / pods,
        generation_tokens_per_second=200 * rate / pods, preemptions_per_second=0.0,
        tpot_mean_seconds=0.01, stalled_seconds=0.0,
    )  # fmt: skip
    memory = Memory(
        known_since=NOW - 86400, configured_generation=1, configured=RUNNING,
        experience=Experience(a_history(rate, number), RUNNING),
    )  # fmt: skip
    arrived = rate * TICK_SECONDS
    return Service(
        key=ServiceKey("bench", f"service-{number}"),
        uid=str(number),
        generation=1,
        created_at=NOW - 86400,
        spec=a_spec(2 * pods),
        workload=Workload(pods, RUNNING, rolled_out=True),
        pods=tuple(
            Pod(f"pod-{place}", f"node-{(number * pods + place) // NODE_GPUS}", NOW - 7200, "Running", ready=True,
                ready_since=NOW - 7100, metrics=metrics)
            for place in range(pods)
        ),
        growth=Growth(NOW - TICK_SECONDS, NOW, arrived, arrived, 1000 * arrived, 200 * arrived,
                      {1.0: 0.9 * arrived, 2.5: arrived, float("inf"): arrived}),
        memory=memory,
    )  # fmt: skip


def measure(services: int, pods: int, rounds: int, waiting: float) -> list[float]:
    """Seconds of each round; the memories of one go into the next, as in the operator, but for the load's history."""
    nodes = tuple(Node(f"node-{place}", GPU, NODE_GPUS, NODE_GPUS) for place in range(services * pods // NODE_GPUS + 1))
    snapshot = Snapshot(tuple(a_service(number, pods, waiting) for number in range(services)), nodes)
    took = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        plans = decide(snapshot, NOW + 1)
        took.append(time.perf_counter() - began)
        known = (
            replace(one, memory=replace(plans[one.key].memory, experience=one.memory.experience))
            for one in snapshot.services
        )
        snapshot = Snapshot(tuple(known), nodes)
    return took


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=10, help="of each service")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--overloaded", action="store_true", help="requests wait in every pod")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    first, *later = measure(options.services, options.pods, options.rounds, 30.0 if options.overloaded else 0.0)
    row = {
        "services": options.services,
        "pods": options.pods,
        "overloaded": options.overloaded,
        "first_ms": round(1000 * first, 1),
        "median_ms": round(1000 * statistics.median(later), 1),
        "slowest_ms": round(1000 * max(later), 1),
    }
    print(json.dumps(row) if options.json else "\n".join(f"{name:12} {value}" for name, value in row.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
