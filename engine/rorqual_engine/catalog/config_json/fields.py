"""Reading single fields of a config.json, with errors that name the field."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LARGEST_COUNT = 100_000_000
"""More than any figure of any model, the longest context included: what is larger is no figure but a mistake."""


class ConfigError(ValueError):
    """A config.json that says too little, or contradicts itself. The message names model, field and expectation."""


@dataclass(frozen=True, slots=True)
class Fields:
    """A config.json (or one part of it) with the defaults of its family beneath it."""

    model: str
    values: Mapping[str, Any]

    def error(self, message: str) -> ConfigError:
        return ConfigError(f"config.json of {self.model}: {message}")

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def value(self, name: str) -> Any:
        return self.values.get(name)

    def count(self, *names: str) -> int:
        """A positive whole number under the first of these names that is there."""
        found = self.count_or_none(*names)
        if not found:
            missing = "is missing" if found is None else "is 0"
            raise self.error(f"{names[0]} {missing}; expected a whole number above 0")
        return found

    def count_or(self, default: int, *names: str) -> int:
        """The same, or `default` where none is there."""
        found = self.count_or_none(*names)
        return default if found is None else found

    def count_or_none(self, *names: str) -> int | None:
        """A whole number of at least 0, or None where none is there."""
        for name in names:
            value = self.values.get(name)
            if value is not None:
                return self._whole(name, value)
        return None

    def _whole(self, name: str, value: Any) -> int:
        whole = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not whole or not 0 <= value <= LARGEST_COUNT or value != int(value):
            raise self.error(f"{name} is {value!r}; expected a whole number from 0 to {LARGEST_COUNT:,}")
        return int(value)

    def number_or(self, default: float, name: str) -> float:
        """A finite number above 0, or `default` where none is there."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
            raise self.error(f"{name} is {value!r}; expected a number above 0")
        return float(value)

    def flag(self, name: str) -> bool:
        """A boolean; false where it is not there."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(f"{name} is {value!r}; expected true or false")
        return bool(value)

    def text(self, name: str) -> str:
        """A text; empty where it is not there."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise self.error(f"{name} is {value!r}; expected a text")
        return value or ""

    def items(self, name: str) -> Sequence[Any]:
        """A list; empty where it is not there."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, list | tuple):
            raise self.error(f"{name} is {value!r}; expected a list")
        return value or ()

    def part(self, name: str) -> "Fields | None":
        """A mapping inside this one; None where it is not there."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self.error(f"{name} is {value!r}; expected an object")
        return Fields(self.model, value)
