import inspect

import pytest

from rorqual_engine.simulation.rivals.registry import RIVALS, rival

from ..seeing import facts, history, view

PAST = history(
    {"at": at, "arrived": at, "arrived_input_tokens": 900 * at, "finished": at, "finished_output_tokens": 90 * at}
    for at in range(0, 301, 5)
)
TUNED = [
    (name, setting, value)
    for name, known in RIVALS.items()
    for setting, values in known.search.items()
    for value in values
]


def answers(name):
    policy = rival(name).make(facts())
    return [policy.decide(view([n, n], kv_use=[n / 64] * 2, now=5.0 * n, past=PAST)).replicas for n in range(64)]


@pytest.mark.parametrize("name", RIVALS)
def test_answers_the_same_twice(name):
    assert answers(name) == answers(name)
    assert min(answers(name)) >= 0


@pytest.mark.parametrize(("name", "setting", "value"), TUNED)
def test_takes_every_value_of_its_search(name, setting, value):
    assert rival(name).make(facts(), **{setting: value}).interval_seconds > 0


@pytest.mark.parametrize("name", RIVALS)
def test_a_search_begins_with_the_default(name):
    parameters = inspect.signature(rival(name).policy).parameters
    defaults = {setting: parameters[setting].default for setting in rival(name).search}
    for setting, default in defaults.items():
        assert default is None or rival(name).search[setting][0] == default, setting


def test_names_the_rivals_that_there_are():
    with pytest.raises(ValueError, match=r"rival 'hal': expected one of .*wva-v1"):
        rival("hal")


def test_names_the_settings_that_there_are():
    with pytest.raises(ValueError, match="settings speed: expected some of replicas"):
        rival("static").make(facts(), speed=1)
