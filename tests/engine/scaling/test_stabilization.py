from rorqual_engine.api.spec import Behavior
from rorqual_engine.plan import Memory, Proposal
from rorqual_engine.scaling.stabilization import DEFAULT_DOWN_SECONDS, remember, stabilize, windows

from ..builders import NOW

HPA = Behavior()
WITHIN = windows(HPA, DEFAULT_DOWN_SECONDS)


def stable(current, proposed, *past, behavior=HPA):
    proposals = tuple(Proposal(NOW - age, replicas) for age, replicas in past)
    return stabilize(proposals, current, proposed, windows(behavior, DEFAULT_DOWN_SECONDS), NOW)


def test_up_is_at_once():
    assert stable(2, 5, (10, 2), (100, 3)) == 5


def test_down_waits_for_the_most_in_the_window():
    assert stable(8, 2, (10, 3), (299, 6), (301, 8)) == 6


def test_down_goes_when_the_window_agrees():
    assert stable(8, 2, (301, 8), (299, 2)) == 2


def test_the_current_number_is_never_exceeded_on_the_way_down():
    assert stable(4, 2, (10, 9)) == 4


def test_an_up_window_waits_for_the_least_in_it():
    slow = Behavior.model_validate({"scaleUp": {"stabilizationWindowSeconds": 60}})
    assert stable(2, 9, (59, 4), behavior=slow) == 4
    assert stable(2, 9, (59, 1), behavior=slow) == 2
    assert stable(2, 9, (61, 4), behavior=slow) == 9


def test_a_window_of_zero_forgets_at_once():
    quick = Behavior.model_validate({"scaleDown": {"stabilizationWindowSeconds": 0}})
    assert stable(8, 2, (0, 8), behavior=quick) == 2


def test_without_memory_the_current_number_counts_as_proposed():
    remembered = remember(Memory(), current=6, proposed=1, within=WITHIN, now=NOW)
    assert set(remembered) == {Proposal(NOW, 6), Proposal(NOW, 1)}


def test_of_each_number_the_newest_is_remembered():
    memory = Memory(proposals=(Proposal(NOW - 30, 3), Proposal(NOW - 10, 2)))
    assert remember(memory, 3, 3, WITHIN, NOW) == (Proposal(NOW - 10, 2), Proposal(NOW, 3))


def test_what_is_older_than_the_window_is_forgotten():
    memory = Memory(proposals=(Proposal(NOW - 301, 9), Proposal(NOW - 299, 8)))
    assert remember(memory, 3, 3, WITHIN, NOW) == (Proposal(NOW - 299, 8), Proposal(NOW, 3))


def test_an_up_window_longer_than_the_down_window_is_kept_whole():
    slow = Behavior.model_validate({"scaleUp": {"stabilizationWindowSeconds": 600}})
    memory = Memory(proposals=(Proposal(NOW - 599, 1),))
    assert Proposal(NOW - 599, 1) in remember(memory, 3, 3, windows(slow, DEFAULT_DOWN_SECONDS), NOW)
