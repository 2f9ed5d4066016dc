"""Where the sandbox keeps things: a cache that outlives it, and one state directory for each sandbox."""

from __future__ import annotations

import os
import re
from pathlib import Path

from rorqual_sandbox.errors import SandboxError

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def cache_directory() -> Path:
    """Built binaries and installed engines; RORQUAL_CACHE_DIR overrides the XDG place."""
    override = os.environ.get("RORQUAL_CACHE_DIR")
    base = Path(override) if override else _xdg("XDG_CACHE_HOME", ".cache") / "rorqual"
    return base / "sandbox"


def state_root() -> Path:
    """The directory that holds one state directory for each sandbox; RORQUAL_STATE_DIR overrides it."""
    override = os.environ.get("RORQUAL_STATE_DIR")
    base = Path(override) if override else _xdg("XDG_STATE_HOME", ".local/state") / "rorqual"
    return base / "sandbox"


def check_name(name: str) -> str:
    """The name itself, when it can be a directory and part of a Kubernetes name; SandboxError otherwise."""
    if not _NAME.fullmatch(name):
        raise SandboxError(f"sandbox name {name!r}: expected up to 40 of a-z, 0-9 and '-', as in 'default'")
    return name


def _xdg(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    return Path(value) if Path(value).is_absolute() else Path.home() / fallback
