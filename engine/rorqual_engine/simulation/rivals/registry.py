"""Every rival by name, with the settings that are worth tuning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rorqual_engine.simulation.policy import Facts, Policy
from rorqual_engine.simulation.rivals import (
    aibrix,
    dynamo_load,
    dynamo_sla,
    enova,
    hpa,
    keda,
    knative,
    kthena,
    kubeai,
    mpc,
    ray_serve,
    reactive,
    static,
    wva,
)

Search = Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Rival:
    """A policy of others."""

    policy: Callable[..., Policy]
    """Takes the facts, and settings by keyword."""
    search: Search
    """Values of each setting that is worth tuning; the documented default first."""
    about: str
    source: str
    settings: Mapping[str, object] = field(default_factory=dict)
    """That make this rival out of the policy; a search leaves them alone."""

    def make(self, facts: Facts, **tuned: float) -> Policy:
        """A fresh one for a run."""
        unknown = sorted(tuned.keys() - self.search.keys())
        if unknown:
            raise ValueError(f"settings {', '.join(unknown)}: expected some of {', '.join(sorted(self.search))}")
        return self.policy(facts, **{**self.settings, **tuned})


_DYNAMO = "ai-dynamo 1.4.2, dynamo/planner/core"
_WVA = "llm-d workload-variant-autoscaler"

_MODEL_BASED: dict[str, Rival] = {
    "static": Rival(static.Static, static.SEARCH, "a fixed number", "no autoscaler"),
    "reactive": Rival(reactive.Reactive, reactive.SEARCH, "queue thresholds, one step, cooldowns", "textbook"),
    "proportional": Rival(
        reactive.Proportional, reactive.SEARCH_PROPORTIONAL, "requests in flight over a target", "textbook"
    ),
    "mpc": Rival(mpc.MPC, mpc.SEARCH, "capacity model and a forecast one start-up ahead", "Planner Gym, description"),
    "enova": Rival(enova.Enova, enova.SEARCH, "pending requests of three minutes", "enova 0.0.7, algo/service.py"),
    "wva-v1": Rival(wva.WVAv1, wva.SEARCH_V1, "spare KV cache and queue, one step", f"{_WVA} 36587f8"),
    "wva-v2": Rival(wva.WVAv2, wva.SEARCH_V2, "tokens demanded over tokens held", f"{_WVA} 256df39"),
    "dynamo-easy-throughput": Rival(
        dynamo_load.DynamoLoad, dynamo_load.SEARCH, "KV and queued tokens, up at 1.0, down at 0.6", _DYNAMO
    ),
    "dynamo-easy-latency": Rival(
        dynamo_load.DynamoLoad,
        dynamo_load.SEARCH,
        "KV and queued tokens, up at 0.4, down at 0.1",
        _DYNAMO,
        {"mode": "latency"},
    ),
    "dynamo-easy-load": Rival(
        dynamo_load.DynamoLoad, dynamo_load.SEARCH_LOAD, "the same at one's own thresholds", _DYNAMO, {"mode": "load"}
    ),
    "dynamo-sla-load": Rival(
        dynamo_sla.DynamoSLALoad, dynamo_sla.SEARCH_LOAD, "latencies by a regression of step time", _DYNAMO
    ),
    **{
        f"dynamo-throughput-{predictor}": Rival(
            dynamo_sla.DynamoThroughput,
            dynamo_sla.SEARCH_THROUGHPUT,
            f"predicted requests ({predictor}) over an engine's best rate",
            _DYNAMO,
            {"predictor": predictor},
        )
        for predictor in ("arima", "kalman", "constant")
    },
    **{
        f"dynamo-sla-{predictor}": Rival(
            dynamo_sla.DynamoSLA,
            dynamo_sla.SEARCH,
            f"load above the floor of throughput ({predictor})",
            _DYNAMO,
            {"predictor": predictor},
        )
        for predictor in ("arima", "kalman", "constant")
    },
}
_HPA = "kubernetes 0006726, pkg/controller/podautoscaler"
_LLMD = "llm-d's KEDA recipes"
_SIGNAL_BASED: dict[str, Rival] = {
    "hpa-in-flight": Rival(hpa.HPA, hpa.SEARCH, "mean requests in flight a replica", _HPA),
    "hpa-waiting": Rival(hpa.HPA, hpa.SEARCH_WAITING, "mean queue a replica", _HPA, {"metric": "waiting"}),
    "hpa-kv-use": Rival(hpa.HPA, hpa.SEARCH_KV_USE, "mean use of the KV cache", _HPA, {"metric": "kv_use"}),
    "keda-queue": Rival(keda.KedaQueue, keda.SEARCH, "queue and running requests", _LLMD),
    "keda-tokens": Rival(keda.KedaTokens, keda.SEARCH_TOKENS, "seconds of prompts, and KV cache", _LLMD),
    "keda-slo": Rival(keda.KedaSLO, keda.SEARCH_SLO, "P90 latencies over the objectives", _LLMD),
    "keda-guard": Rival(keda.KedaGuard, keda.SEARCH_GUARD, "queue and running, less what starts", _LLMD),
    "knative": Rival(knative.KPA, knative.SEARCH, "concurrency, with a panic window", "knative/serving"),
    "aibrix-kpa": Rival(
        aibrix.AIBrixKPA, aibrix.SEARCH, "requests in flight, with a panic window", "vllm-project/aibrix"
    ),
    "aibrix-apa": Rival(aibrix.AIBrixAPA, aibrix.SEARCH, "mean a replica, with a band", "vllm-project/aibrix"),
    "kubeai": Rival(kubeai.KubeAI, kubeai.SEARCH, "mean active requests of ten minutes", "substratusai/kubeai"),
    "ray-serve": Rival(ray_serve.RayServe, ray_serve.SEARCH, "ongoing requests, with delays", "ray 2.60.0"),
    "kthena": Rival(kthena.Kthena, kthena.SEARCH, "the HPA's rule with a panic mode", "volcano-sh/kthena"),
}

RIVALS: dict[str, Rival] = {**_MODEL_BASED, **_SIGNAL_BASED}


def rival(name: str) -> Rival:
    """The rival of that name."""
    if name not in RIVALS:
        raise ValueError(f"rival {name!r}: expected one of {', '.join(sorted(RIVALS))}")
    return RIVALS[name]
