"""Command-line arguments of an engine: ours, and those of the user that win over them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Argument:
    """One option of ours, written as ``--name=value``."""

    name: str
    value: str

    def __str__(self) -> str:
        return f"--{self.name}={self.value}"


def combine(ours: Iterable[Argument], extra: Sequence[str], aliases: Mapping[str, str]) -> list[str]:
    """Ours in their order without those that `extra` sets, then `extra` in words."""
    given = [word for text in extra for word in words(text)]
    overridden = option_names(given, aliases)
    return [str(argument) for argument in ours if argument.name not in overridden] + given


def words(text: str) -> list[str]:
    """``--option value`` written as one argument becomes two, as its writer meant it; all else stays whole."""
    found = re.fullmatch(r"(--?[A-Za-z][\w-]*)\s+(.+)", text, re.DOTALL)
    return [found[1], found[2]] if found else [text]


def option_names(arguments: Iterable[str], aliases: Mapping[str, str]) -> frozenset[str]:
    """Options that `arguments` sets, by their long names with dashes (engines take underscores alike)."""
    return frozenset(_option_name(words(text)[0], aliases) for text in arguments if _is_option(text))


def _is_option(text: str) -> bool:
    # A negative number is a value, not an option.
    return text.startswith("-") and not text[1:2].isdigit()


def _option_name(text: str, aliases: Mapping[str, str]) -> str:
    name = text.partition("=")[0].lstrip("-").replace("_", "-")
    return aliases.get(name, name)
