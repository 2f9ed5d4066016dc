"""The frames so far, and what only their sequence tells: decisions with the moment at which they were seen."""

from __future__ import annotations

from dataclasses import dataclass

from rorqual_demo.frame import Decision, Frame


@dataclass(frozen=True, slots=True)
class SeenDecision:
    """A decision and the replay time of the first frame that showed it."""

    at: float
    decision: Decision


class History:
    """Grows by one frame at a time."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.decisions: list[SeenDecision] = []
        self._known: set[Decision] = set()

    def add(self, frame: Frame) -> None:
        """Appends `frame`; decisions not seen before are kept, oldest first."""
        self.frames.append(frame)
        for decision in reversed(frame.service.decisions):  # the status lists them newest first
            if decision not in self._known:
                self._known.add(decision)
                self.decisions.append(SeenDecision(frame.at, decision))

    @property
    def changes(self) -> list[SeenDecision]:
        """Decisions that changed something, oldest first."""
        return [one for one in self.decisions if not one.decision.is_hold]

    @property
    def last(self) -> Frame | None:
        return self.frames[-1] if self.frames else None

    @property
    def peak(self) -> Frame | None:
        """The frame with most requests a second."""
        return max(self.frames, key=lambda frame: frame.load.requests_per_second, default=None)
