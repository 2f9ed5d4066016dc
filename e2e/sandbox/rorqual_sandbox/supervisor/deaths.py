"""What follows when a component ends unasked: it is told, and nothing of it stays behind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from rorqual_sandbox.components import Component
from rorqual_sandbox.process import ENGINE_VARIABLE

log = logging.getLogger("supervisor")


@dataclass(frozen=True)
class Mourner:
    """Of the sandbox `instance`; `sweep` kills what carries a mark, and returns the pids."""

    instance: str
    sweep: Callable[[str, str], list[int]]

    def mourn(self, component: Component, status: int) -> None:
        """The component ended with `status`. It is not started again: that is for whoever asked for it."""
        log.error("%s ended unasked with status %s; see %s.log", component.name, status, component.name)
        if component.name == "agent":  # its engines die with it, their children by this
            children = self.sweep(ENGINE_VARIABLE, self.instance)
            log.error("killed %d processes that the agent left behind", len(children))
