"""Kubernetes' and Go's ways of writing amounts, parsed once, at the edge."""

import re
from decimal import Decimal
from functools import lru_cache

GIB = 1024**3
MIB = 1024**2

_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_DURATION_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_QUANTITY = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3}(?=$))?)(n|u|m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?", re.ASCII
)
_QUANTITY_SCALE = {
    None: Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


class UnitError(ValueError):
    """An amount that cannot be read; the message quotes it and says what was expected."""


@lru_cache(maxsize=4096)
def duration_seconds(text: str) -> float:
    """Seconds in a Go duration of the units ms, s, m and h, such as ``500ms``, ``2s`` or ``1h30m``.

    Raises UnitError for anything else, signs included.
    """
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UnitError(f"{text!r} is not a duration: expected numbers with ms, s, m or h, such as 500ms, 2s, 1h30m")
    return sum(float(number) * _DURATION_SECONDS[unit] for number, unit in parts)


def format_duration(seconds: float) -> str:
    """The shortest duration text that a person would write: 0.05 -> ``50ms``, 90 -> ``1m30s``.

    Below a minute, three significant digits are kept.
    """
    if seconds < 0.9995:  # beyond, three digits are those of a second
        return f"{seconds * 1000:.3g}ms"
    if seconds < 60:
        return f"{seconds:.3g}s"
    hours, rest = divmod(round(seconds), 3600)
    minutes, secs = divmod(rest, 60)
    return "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (secs, "s")) if n) or "0s"


def quantity(text: str | int | float) -> Decimal:
    """The value of a Kubernetes quantity (``79Gi``, ``500m``, ``4``, ``1e3``). Raises UnitError."""
    found = _QUANTITY.fullmatch(str(text).strip())
    if not found:
        raise UnitError(f"{text!r} is not a quantity: expected a number with an optional suffix, such as 4, 500m, 80Gi")
    return Decimal(found.group(1)) * _QUANTITY_SCALE[found.group(2)]
