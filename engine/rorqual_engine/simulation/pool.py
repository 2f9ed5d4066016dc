"""GPUs that services share."""

from dataclasses import dataclass


@dataclass(slots=True)
class Pool:
    """So many GPUs of one product; None means as many as anybody asks for."""

    gpus: int | None = None
    used: int = 0

    def take(self, gpus: int) -> bool:
        """Whether so many were free; they are taken then."""
        if self.gpus is not None and self.used + gpus > self.gpus:
            return False
        self.used += gpus
        return True

    def give_back(self, gpus: int) -> None:
        self.used -= gpus
