"""vLLM's metric names, recent and older, under Rorqual's canonical ones.

Where several stand for one figure the first that an engine shows counts. Sources: vLLM's
vllm/v1/metrics/loggers.py (0.8 to 0.32) and vllm/engine/metrics.py (V0, up to 0.10).
"""

GAUGES: dict[str, tuple[str, ...]] = {
    "running": ("vllm:num_requests_running",),
    "waiting": ("vllm:num_requests_waiting",),
    "kv_use": ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
}
COUNTERS: dict[str, tuple[str, ...]] = {
    "requests": ("vllm:request_success_total", "vllm:request_success"),
    "prompt_tokens": ("vllm:prompt_tokens_total", "vllm:prompt_tokens"),
    "generation_tokens": ("vllm:generation_tokens_total", "vllm:generation_tokens"),
    "preemptions": ("vllm:num_preemptions_total", "vllm:num_preemptions"),
    "prefix_queries": (
        *("vllm:prefix_cache_queries_total", "vllm:prefix_cache_queries"),
        *("vllm:gpu_prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries"),
    ),
    "prefix_hits": (
        *("vllm:prefix_cache_hits_total", "vllm:prefix_cache_hits"),
        *("vllm:gpu_prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits"),
    ),
}
HISTOGRAMS: dict[str, tuple[str, ...]] = {
    "ttft": ("vllm:time_to_first_token_seconds",),
    "tpot": (
        "vllm:inter_token_latency_seconds",
        "vllm:time_per_output_token_seconds",
        "vllm:request_time_per_output_token_seconds",
    ),
    "queue_time": ("vllm:request_queue_time_seconds",),
}
COUNTERS |= {
    "tpot_seconds": tuple(f"{name}_sum" for name in HISTOGRAMS["tpot"]),
    "tpot_tokens": tuple(f"{name}_count" for name in HISTOGRAMS["tpot"]),
}
"""Their quotient is the exact mean time between tokens, which buckets only bound."""
CACHE_CONFIG = "vllm:cache_config_info"
"""Labels num_gpu_blocks and block_size (tokens)."""

SUMMED_GAUGES = ("running", "waiting")
"""Added up over the engines of a pod (data parallel); the others are averaged."""
