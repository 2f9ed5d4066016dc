"""Past proposals hold back a change, as in HPA's stabilisation windows."""

from collections.abc import Sequence
from dataclasses import dataclass

from rorqual_engine.api.spec import Behavior, ScalingRules
from rorqual_engine.plan import Memory, Proposal

DEFAULT_UP_SECONDS = 0
DEFAULT_DOWN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Windows:
    """Seconds that past proposals count for."""

    up: int
    down: int

    @property
    def longest(self) -> int:
        return max(self.up, self.down)


def windows(behavior: Behavior, default_down: int) -> Windows:
    """Those of the spec; `default_down` where it has none."""
    return Windows(_window(behavior.scale_up, DEFAULT_UP_SECONDS), _window(behavior.scale_down, default_down))


def remember(memory: Memory, current: int, proposed: int, within: Windows, now: float) -> tuple[Proposal, ...]:
    """The proposals to remember: of each number the newest, within the longer window.

    When nothing is remembered (creation, restart of the operator) the current number counts as proposed now, so that
    nothing shrinks within the first window; HPA does the same.
    """
    past = memory.proposals or (Proposal(now, current),)
    newest = {proposal.replicas: proposal for proposal in sorted(past, key=lambda proposal: proposal.at)}
    newest[proposed] = Proposal(now, proposed)
    kept = (proposal for proposal in newest.values() if now - proposal.at <= within.longest)
    return tuple(sorted(kept, key=lambda proposal: (proposal.at, proposal.replicas)))


def stabilize(proposals: Sequence[Proposal], current: int, proposed: int, within: Windows, now: float) -> int:
    """The number that the windows allow: up to the least proposed within the one, down to the most within the other."""
    up = min([proposed, *_within(proposals, within.up, now)])
    down = max([proposed, *_within(proposals, within.down, now)])
    if current < up:
        return up
    return min(current, down)


def _within(proposals: Sequence[Proposal], window_seconds: int, now: float) -> list[int]:
    return [proposal.replicas for proposal in proposals if now - proposal.at < window_seconds]


def _window(rules: ScalingRules, default: int) -> int:
    given = rules.stabilization_window_seconds
    return default if given is None else given
