"""Which adaptor plays which image."""

from __future__ import annotations

from fnmatch import fnmatch

from rorqual_sandbox.engines.launch import Adaptor, Launch, Places, Request
from rorqual_sandbox.engines.simulator import Simulator
from rorqual_sandbox.engines.verbatim import Verbatim
from rorqual_sandbox.engines.vllm import RealVllm
from rorqual_sandbox.options import Engine, Options

VLLM_IMAGES = ("vllm/vllm-openai*", "*/vllm/vllm-openai*", "*/vllm-openai*")


class ImageTable:
    """Adaptors by image name; the first pattern that matches counts."""

    def __init__(self, options: Options, places: Places) -> None:
        vllm: Adaptor = Simulator(places, options.load_seconds)
        if options.engine is Engine.VLLM:
            vllm = RealVllm(places)
        self._rows: list[tuple[str, Adaptor]] = [(pattern, vllm) for pattern in VLLM_IMAGES]
        self._rows.append(("*", Verbatim()))

    def prepare(self, request: Request) -> Launch:
        """What to run for the request's image. Raises LaunchRefusedError."""
        adaptor = next(adaptor for pattern, adaptor in self._rows if fnmatch(request.image, pattern))
        return adaptor.prepare(request)
