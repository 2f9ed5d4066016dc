"""A user's own scaling policy, named on a command line.

Three ways to name one: `package.module:Class`, `path/to/file.py:Class`, or the name of an entry point of the group
`rorqual.policies`. The class takes the facts and, by keyword, its settings; its instances have `interval_seconds` and
`decide(view)`.
"""

import hashlib
import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from rorqual_engine.simulation.policy import Facts, Policy

GROUP = "rorqual.policies"
EXPECTED = "a class whose instances have interval_seconds and decide(view)"


def load_policy(name: str) -> Callable[..., Policy]:
    """Makes policies of that name: takes the facts, and settings by keyword.

    ValueError for what is not there, TypeError for what is no policy.
    """
    found = _attribute(name) if ":" in name else _entry_point(name)
    if not isinstance(found, type) or not callable(getattr(found, "decide", None)):
        raise TypeError(f"policy {name}: expected {EXPECTED}, found {_described(found)}")

    def make(facts: Facts, **settings: object) -> Policy:
        return _checked(name, found(facts, **settings))

    return make


def _attribute(name: str) -> object:
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise ValueError(f"policy {name}: expected package.module:Class or path/to/file.py:Class")
    module = _file(name, Path(place)) if place.endswith(".py") else _module(name, place)
    if not hasattr(module, attribute):
        raise ValueError(f"policy {name}: expected {EXPECTED} named {attribute} in {place}, found no such name")
    return getattr(module, attribute)


def _module(name: str, place: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except ImportError as error:
        raise ValueError(f"policy {name}: expected a module {place} that can be imported, found: {error}") from error


def _file(name: str, path: Path) -> ModuleType:
    """Under a name of its own, so that two files of one name do not meet."""
    if not path.is_file():
        raise ValueError(f"policy {name}: expected a Python file {path}, found none")
    own = f"rorqual_policy_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(own, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"policy {name}: expected a Python file {path}, found one that cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[own] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[own]
        raise ValueError(f"policy {name}: {path} fails as it is imported: {error!r}") from error
    return module


def _entry_point(name: str) -> object:
    points = {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}
    if name not in points:
        known = ", ".join(sorted(points)) or "none is installed"
        raise ValueError(
            f"policy {name}: expected package.module:Class, path/to/file.py:Class "
            f"or an entry point of the group {GROUP} ({known})"
        )
    try:
        loaded: object = points[name].load()
    except (ImportError, AttributeError) as error:
        raise ValueError(f"policy {name}: entry point {points[name].value} cannot be loaded: {error}") from error
    return loaded


def _checked(name: str, policy: Policy) -> Policy:
    interval = getattr(policy, "interval_seconds", None)
    if isinstance(interval, bool) or not isinstance(interval, int | float) or interval <= 0:
        raise TypeError(f"policy {name}: expected interval_seconds to be a number above 0, found {interval!r}")
    return policy


def _described(found: object) -> str:
    return f"the class {found.__name__}, which has no decide" if isinstance(found, type) else f"{found!r}"
