"""config.json files from the hub for models that neither spec nor catalog describes, fetched beside the tick."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from rorqual_engine import catalog
from rorqual_engine.api import LLMServiceSpec
from rorqual_engine.sizing.engine import needs_config
from rorqual_engine.sizing.pins import parse_arguments
from rorqual_engine.snapshot import ModelConfig
from rorqual_operator.hub import HubError
from rorqual_operator.threads import in_daemon_thread

log = logging.getLogger(__name__)

WORKERS = 4
"""Models fetched at once."""
BACKOFF_SECONDS = (10.0, 30.0, 120.0, 600.0)
"""Until a model that could not be had is asked for again."""


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model on the hub."""

    name: str
    """ORG/NAME."""
    revision: str | None = None
    """None is the main branch."""

    @classmethod
    def of(cls, spec: LLMServiceSpec) -> "HubModel":
        """What the engine loads where that comes from the hub, else the model by its name."""
        scheme, _, address = (spec.model.source or "").partition("://")
        arguments = parse_arguments(spec.engine.extra_args, catalog.runtime(spec.engine.runtime).short_flags)
        return cls(address if scheme == "hf" else spec.model.name, arguments.get("--revision") or None)


@dataclass(slots=True)
class _Entry:
    config: ModelConfig
    answered_at: float = 0.0
    failures: int = 0
    """In a row."""
    under_way: bool = False


Fetch = Callable[[str, str | None, float], str]
"""Text of a config.json by model, revision and timeout in seconds; blocks. Raises HubError."""


class HubConfigs:
    """What the hub has told; `find` never waits. A text is kept until no service asks for it any more."""

    def __init__(
        self, fetch: Fetch, timeout_seconds: float, clock: Callable[[], float], wake: Callable[[], None]
    ) -> None:
        self._fetch, self._timeout_seconds = fetch, timeout_seconds
        self._clock, self._wake = clock, wake
        self._known: dict[HubModel, _Entry] = {}
        self._queue: asyncio.Queue[HubModel] = asyncio.Queue()
        self._wanted: set[HubModel] = set()

    def find(self, spec: LLMServiceSpec) -> ModelConfig | None:
        """What is known of the model's config.json now; None for a model that is described without it."""
        if not needs_config(spec.model):
            return None
        model = HubModel.of(spec)
        self._wanted.add(model)
        entry = self._known.get(model)
        if entry is None:
            origin = f"model {spec.model.name!r} is not in the catalog; hub"
            entry = _Entry(ModelConfig(origin, problem=f"the config.json of {model.name} is being fetched"))
            self._known[model] = entry
        if self._due(entry):
            entry.under_way = True
            self._queue.put_nowait(model)
        return entry.config

    def forget_unwanted(self) -> None:
        """Drops what was not looked for since the last call."""
        self._known = {model: entry for model, entry in self._known.items() if model in self._wanted}
        self._wanted = set()

    async def run(self) -> None:
        """Fetches what is asked for until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._work(), name="hub")

    def _due(self, entry: _Entry) -> bool:
        if entry.under_way or entry.config.text is not None:
            return False
        pause = BACKOFF_SECONDS[min(entry.failures, len(BACKOFF_SECONDS)) - 1] if entry.failures else 0.0
        return self._clock() - entry.answered_at >= pause

    async def _work(self) -> None:
        while True:
            model = await self._queue.get()
            text, problem = await self._ask(model)
            if model in self._known:
                self._take(self._known[model], text, problem)
                self._wake()

    async def _ask(self, model: HubModel) -> tuple[str | None, str]:
        """Text, or why there is none. A thread that hangs is left behind."""
        work = in_daemon_thread(lambda: self._fetch(model.name, model.revision, self._timeout_seconds))
        try:
            return await asyncio.wait_for(work, self._timeout_seconds), ""
        except TimeoutError:
            return None, f"{model.name}: no answer within {self._timeout_seconds:g} s"
        except HubError as error:
            log.warning("no config.json from the hub: %s", error)
            return None, str(error)

    def _take(self, entry: _Entry, text: str | None, problem: str) -> None:
        told = "" if text is not None else f"{problem}; it is asked again by itself"
        entry.config = ModelConfig(entry.config.origin, text, told)
        entry.failures = 0 if text is not None else entry.failures + 1
        entry.answered_at, entry.under_way = self._clock(), False
