"""The files that a demo leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rorqual_demo import picture, recording
from rorqual_demo.frames import write_frames
from rorqual_demo.report import write_report
from rorqual_demo.scene import Scene
from rorqual_demo.session import Result
from rorqual_demo.summary import summarise


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where they go: a directory, and a file for the view at the load's peak if one is wanted."""

    directory: Path
    recording: Path | None = None

    @property
    def operator_log(self) -> Path:
        return self.directory / "operator.log"

    @property
    def picture(self) -> Path:
        return self.directory / "demo.png"

    @property
    def report(self) -> Path:
        return self.directory / "summary.md"

    @property
    def frames(self) -> Path:
        return self.directory / "frames.jsonl"

    def write(self, scene: Scene, result: Result) -> str:
        """Writes all of them; the summary's text. Raises DemoError when the replay did not begin."""
        text = write_report(scene, summarise(scene, result.history, result.ledger))
        self.report.write_text(text)
        write_frames(self.frames, result.history.frames)
        if self.recording:
            recording.record(self.recording, scene, result.history)
        picture.draw(self.picture, scene, result.history)
        return text
