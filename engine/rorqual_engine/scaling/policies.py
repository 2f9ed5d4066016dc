"""How much may change in a period, with the arithmetic of HPA's behavior policies (autoscaling/v2)."""

import math
from collections.abc import Sequence

from rorqual_engine.api.spec import Behavior, ScalingPolicy
from rorqual_engine.plan import ScaleEvent

DEFAULT_UP = (
    ScalingPolicy(type="Pods", value=4, period_seconds=15),
    ScalingPolicy(type="Percent", value=100, period_seconds=15),
)
DEFAULT_DOWN = (ScalingPolicy(type="Percent", value=100, period_seconds=15),)


def up_limit(behavior: Behavior, events: Sequence[ScaleEvent], current: int, now: float) -> int:
    """Most replicas that the policies allow now; never below the current number."""
    rules = behavior.scale_up
    if rules.select_policy == "Disabled":
        return current
    limits = [_up(policy, _at_start(policy, events, current, now)) for policy in rules.policies or DEFAULT_UP]
    return max(current, min(limits) if rules.select_policy == "Min" else max(limits))


def down_limit(behavior: Behavior, events: Sequence[ScaleEvent], current: int, now: float) -> int:
    """Fewest replicas that the policies allow now; never above the current number, never below zero."""
    rules = behavior.scale_down
    if rules.select_policy == "Disabled":
        return current
    limits = [_down(policy, _at_start(policy, events, current, now)) for policy in rules.policies or DEFAULT_DOWN]
    return max(0, min(current, max(limits) if rules.select_policy == "Min" else min(limits)))


def longest_period_seconds(behavior: Behavior) -> int:
    """The longest period that any policy looks back on."""
    policies: list[ScalingPolicy] = [
        *(behavior.scale_up.policies or DEFAULT_UP),
        *(behavior.scale_down.policies or DEFAULT_DOWN),
    ]
    return max(policy.period_seconds for policy in policies)


def _at_start(policy: ScalingPolicy, events: Sequence[ScaleEvent], current: int, now: float) -> int:
    """Replicas at the start of the policy's period: the current number without the changes since then."""
    return current - sum(event.change for event in events if now - event.at < policy.period_seconds)


def _up(policy: ScalingPolicy, start: int) -> int:
    if policy.type == "Pods":
        return start + policy.value
    return math.ceil(start * (1 + policy.value / 100) - 1e-9)


def _down(policy: ScalingPolicy, start: int) -> int:
    if policy.type == "Pods":
        return start - policy.value
    return math.floor(start * (1 - policy.value / 100) + 1e-9)
