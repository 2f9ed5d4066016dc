"""How long prompts and answers are."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

LONGEST_TOKENS = 131_072
"""The context of most models of today; longer draws are cut to it."""


class Lengths(Protocol):
    """A distribution of tokens."""

    def draw(self, count: int, generator: np.random.Generator) -> NDArray[np.float64]:
        """So many lengths of at least 1 token; not yet whole."""


@dataclass(frozen=True, slots=True)
class Lognormal:
    """The body of most published traces."""

    median: float
    sigma: float
    """Of the logarithm."""
    longest: float = LONGEST_TOKENS

    def draw(self, count: int, generator: np.random.Generator) -> NDArray[np.float64]:
        return np.clip(generator.lognormal(np.log(self.median), self.sigma, count), 1, self.longest)

    def __str__(self) -> str:
        return f"{self.median:g}/{self.sigma:g}"


@dataclass(frozen=True, slots=True)
class Exponential:
    """What ServeGen finds answers to follow (arXiv:2505.09999)."""

    mean: float
    longest: float = LONGEST_TOKENS

    def draw(self, count: int, generator: np.random.Generator) -> NDArray[np.float64]:
        return np.clip(generator.exponential(self.mean, count), 1, self.longest)

    def __str__(self) -> str:
        return f"exponential {self.mean:g}"
