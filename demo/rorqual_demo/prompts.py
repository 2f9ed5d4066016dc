"""Prompts of a given number of tokens, none like another, so that no prefix cache knows them."""

from __future__ import annotations

import random
import string

_WORDS = ("whale", "sea", "krill", "deep", "song", "fin", "wave", "salt", "ice", "blue", "north", "breath", "tide")


class WordPrompts:
    """For tokenizers that take a word for a token, as the simulator's does."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def __call__(self, tokens: int) -> str:
        return " ".join([str(self._rng.randrange(10**9)), *self._rng.choices(_WORDS, k=tokens - 1)])


class LetterPrompts:
    """For tokenizers that take a byte for a token, as that of the sandbox's tiny model does."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def __call__(self, tokens: int) -> str:
        return "".join(self._rng.choices(string.ascii_lowercase, k=tokens))
