"""Any other image: its command as it stands, when this machine has the executable."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from rorqual_sandbox.engines.launch import Launch, LaunchRefusedError, Request


@dataclass(frozen=True)
class Verbatim:
    """Runs the container's own command; an image's entry point is not known here."""

    def prepare(self, request: Request) -> Launch:
        """The command, with POD_IP and PORT in its environment."""
        if not request.command:
            raise LaunchRefusedError(
                "ErrImagePull",
                f"the sandbox pulls no images: {request.image!r} runs only with a `command` that this machine has",
            )
        if not shutil.which(request.command[0]):
            raise LaunchRefusedError(
                "ErrImagePull",
                f"the sandbox pulls no images, and {request.command[0]!r} of {request.image!r} is not on PATH",
            )
        defaults = {"POD_IP": request.pod_ip}
        if request.port:
            defaults["PORT"] = str(request.port)
        return Launch((*request.command, *request.args), defaults=defaults)
