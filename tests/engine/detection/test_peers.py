"""What is usual with other services."""

import pytest

from rorqual_engine.detection.peers import usual_with_others
from rorqual_engine.detection.slow import LEAST_ROUNDS
from rorqual_engine.plan import Configuration, Sized, Watch
from rorqual_engine.timing import Capability, StepTiming

from ..builders import H100, L4, LLAMA_70B, RUNNING, a_service, a_spec, settled


def service(name, pace=None, rounds=LEAST_ROUNDS, step=0.01, spec=None, configuration=RUNNING, law=True):
    spec = spec or a_spec()
    capability = Capability(StepTiming(step), 64, 100_000) if law else None
    sized = Sized(spec, (), None, configuration, capability)
    watch = Watch() if pace is None else Watch(usual_pace=pace, pace_rounds=rounds)
    return a_service(spec, name=name, memory=settled(watch=watch, sized=sized))


YOUNG = service("young")


def usual(*others, of=YOUNG):
    return usual_with_others([of, *others]).get(of.key)


def test_of_one_that_knows_none_it_is_the_middle_of_the_others():
    assert usual(service("a", 1.0), service("b", 1.2), service("c", 3.0)) == pytest.approx(1.2)


def test_alone_there_is_none():
    assert usual() is None


def test_laws_that_were_corrected_differently_are_made_comparable():
    """One was calibrated: its law is twice as slow, and it keeps to it."""
    assert usual(service("a", 1.0, step=0.02)) == pytest.approx(2.0)


@pytest.mark.parametrize(
    "other",
    [
        service("a", 1.0, rounds=LEAST_ROUNDS - 1),
        service("a", 1.0, law=False),
        service("a", 1.0, spec=a_spec(LLAMA_70B)),
        service("a", 1.0, configuration=Configuration(L4, 1)),
        service("a", 1.0, configuration=Configuration(H100, 2)),
        service("a", 1.0, spec=a_spec(engine={"extraArgs": ["--enforce-eager"]})),
    ],
)
def test_only_those_that_know_and_are_alike_count(other):
    assert usual(other) is None


def test_one_that_knows_its_own_is_told_nothing():
    own = service("own", 2.0)
    assert usual(service("a", 1.0), of=own) is None
