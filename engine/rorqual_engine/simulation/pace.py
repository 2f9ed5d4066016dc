"""A simulated replica's speed, in the words of the capacity model."""

from rorqual_engine.scaling.predictive import Pace
from rorqual_engine.scaling.predictive.pace import pace_of as of_replica
from rorqual_engine.simulation.policy import Facts
from rorqual_engine.timing import Capability


def pace_of(facts: Facts, prompt: float, answer: float) -> Pace:
    """For requests of those mean lengths (tokens)."""
    replica = Capability(facts.timing, facts.sequences, facts.kv_tokens)
    return of_replica(replica, prompt, answer, facts.ttft_seconds, facts.itl_seconds)
