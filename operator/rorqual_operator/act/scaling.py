"""What a number of replicas follows from, as status.scaling tells it. Pure."""

from rorqual_engine.api import status as api
from rorqual_engine.plan import Outlook, ServicePlan, Signal
from rorqual_operator.times import rfc3339

SHOWN_OPTIONS = 5


def scaling_status(plan: ServicePlan, now: float) -> api.ScalingStatus | None:
    """Of the rule that decided; None where nothing is known of the load."""
    signals = [_signal(one) for one in plan.signals]
    if plan.outlook is not None:
        return _predictive(plan.outlook, signals, now)
    return api.ScalingStatus(rule="Reactive", time=rfc3339(now), signals=signals) if signals else None


def _predictive(seen: Outlook, signals: list[api.ScalingSignal], now: float) -> api.ScalingStatus:
    return api.ScalingStatus(
        rule="Predictive",
        time=rfc3339(now),
        goal=seen.goal,
        requests_per_second=_rounded(seen.arrivals_per_second),
        expected_requests_per_second=_rounded(seen.expected_per_second),
        horizon_seconds=_rounded(seen.horizon_seconds),
        input_tokens=_rounded(seen.input_tokens),
        output_tokens=_rounded(seen.output_tokens),
        prefix_hit_rate=_rounded(seen.prefix_hit_rate),
        request_seconds=_rounded(seen.request_seconds),
        work_replicas=_rounded(seen.work_replicas),
        waiting=_rounded(seen.waiting),
        ready=seen.ready,
        starting=seen.starting,
        startup_seconds=_rounded(seen.startup_seconds),
        missed=_rounded(seen.missed),
        slowness=_rounded(seen.slowness),
        trusted=seen.trusted,
        options=_options(seen),
        signals=signals,
    )


def _options(seen: Outlook) -> list[api.ScalingOption]:
    """The best one with its neighbours."""
    best = min(range(len(seen.options)), key=lambda place: seen.options[place].gpu_seconds)
    first = max(0, min(best - SHOWN_OPTIONS // 2, len(seen.options) - SHOWN_OPTIONS))
    return [
        api.ScalingOption(
            replicas=one.replicas, good_rate=round(one.good_rate, 4), gpu_seconds=_rounded(one.gpu_seconds)
        )
        for one in seen.options[first : first + SHOWN_OPTIONS]
    ]


def _signal(one: Signal) -> api.ScalingSignal:
    return api.ScalingSignal(
        name=one.name,
        value=f"{one.value:.4g} {one.unit}".rstrip(),
        target=f"{one.target:.4g} {one.unit}".rstrip(),
        replicas=_rounded(one.replicas),
    )


def _rounded(value: float) -> float:
    """To four figures: more are noise, and every digit is stored with every status."""
    return float(f"{value:.4g}")
