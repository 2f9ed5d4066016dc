"""From a service's spec to what its simulation needs to know: the recommended configuration, and its timing."""

from rorqual_engine.api.spec import LLMServiceSpec, Percentiles
from rorqual_engine.fleet import Inventory
from rorqual_engine.plan import Recommendation, Stall
from rorqual_engine.simulation.policy import Facts
from rorqual_engine.sizing.capability import capability_of
from rorqual_engine.sizing.fit import Offer
from rorqual_engine.sizing.recommend import Case, read_case, recommend
from rorqual_engine.units import duration_seconds

TTFT_SECONDS = 2.0
ITL_SECONDS = 0.05
"""Where the spec has no objectives."""


def facts_of(spec: LLMServiceSpec, startup_seconds: float) -> Facts | Stall:
    """The service as it would run by Rorqual's recommendation; a Stall where nothing can be recommended.

    Raises ValueError where the catalog does not tell the GPU's speed: without it there is nothing to simulate.
    """
    case = read_case(spec, Inventory.of(()), None)
    if isinstance(case, Stall):
        return case
    found = recommend(case)
    if isinstance(found, Stall):
        return found
    offer = next(one for one in case.offers if one.gpu.product == found.configuration.gpu)
    return _facts(spec, case, found, offer, startup_seconds)


def _facts(spec: LLMServiceSpec, case: Case, found: Recommendation, offer: Offer, startup_seconds: float) -> Facts:
    ran, workload = found.configuration, spec.workload
    capability = capability_of(case, ran, cache_tokens=found.kv_cache_tokens)
    if capability is None:
        raise ValueError(f"{ran.gpu}: the catalog does not tell its bandwidth and arithmetic; nothing can be simulated")
    return Facts(
        ttft_seconds=_limit(spec.objectives.ttft, TTFT_SECONDS),
        itl_seconds=_limit(spec.objectives.tpot, ITL_SECONDS),
        startup_seconds=startup_seconds,
        min_replicas=spec.scaling.min_replicas,
        max_replicas=spec.scaling.max_replicas,
        sequences=capability.sequences,
        kv_tokens=capability.kv_tokens,
        batched_tokens=ran.max_batched_tokens or case.engine.tokens_per_step(offer.gpu),
        timing=capability.timing,
        gpus_per_replica=ran.gpus,
        input_tokens=workload.input_tokens,
        output_tokens=workload.output_tokens,
    )


def _limit(limits: Percentiles | None, otherwise: float) -> float:
    """A request is good below the limit of the highest percentile that is given."""
    given = [limits.p99, limits.p95, limits.p90, limits.p50] if limits else []
    return next((duration_seconds(text) for text in given if text is not None), otherwise)
