"""Past proposals hold back a change, as in HPA's stabilisation windows."""

from collections.abc import Sequence

from rorqual_engine.api.spec import Behavior, ScalingRules
from rorqual_engine.plan import Memory, Proposal

DEFAULT_UP_SECONDS = 0
DEFAULT_DOWN_SECONDS = 300


def up_window_seconds(behavior: Behavior) -> int:
    return _window(behavior.scale_up, DEFAULT_UP_SECONDS)


def down_window_seconds(behavior: Behavior) -> int:
    return _window(behavior.scale_down, DEFAULT_DOWN_SECONDS)


def remember(memory: Memory, current: int, proposed: int, behavior: Behavior, now: float) -> tuple[Proposal, ...]:
    """The proposals to remember: of each number the newest, within the longer window.

    When nothing is remembered (creation, restart of the operator) the current number counts as proposed now, so that
    nothing shrinks within the first window; HPA does the same.
    """
    past = memory.proposals or (Proposal(now, current),)
    newest = {proposal.replicas: proposal for proposal in sorted(past, key=lambda proposal: proposal.at)}
    newest[proposed] = Proposal(now, proposed)
    longest = max(up_window_seconds(behavior), down_window_seconds(behavior))
    kept = (proposal for proposal in newest.values() if now - proposal.at <= longest)
    return tuple(sorted(kept, key=lambda proposal: (proposal.at, proposal.replicas)))


def stabilize(proposals: Sequence[Proposal], current: int, proposed: int, behavior: Behavior, now: float) -> int:
    """The number that the windows allow: up to the least proposed within the one, down to the most within the other."""
    up = min([proposed, *_within(proposals, up_window_seconds(behavior), now)])
    down = max([proposed, *_within(proposals, down_window_seconds(behavior), now)])
    if current < up:
        return up
    return min(current, down)


def _within(proposals: Sequence[Proposal], window_seconds: int, now: float) -> list[int]:
    return [proposal.replicas for proposal in proposals if now - proposal.at < window_seconds]


def _window(rules: ScalingRules, default: int) -> int:
    given = rules.stabilization_window_seconds
    return default if given is None else given
