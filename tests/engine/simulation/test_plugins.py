import importlib.metadata

import pytest

from rorqual_engine.simulation.plugins import load_policy
from rorqual_engine.simulation.rivals.static import Static

from .seeing import facts, view

MINE = """
from rorqual_engine.simulation.policy import Decision

class Mine:
    interval_seconds = 10

    def __init__(self, facts, *, more=1):
        self.more = more

    def decide(self, view):
        return Decision(view.asked + self.more)

class Hasty(Mine):
    interval_seconds = 0

class Silent:
    interval_seconds = 10

half = 0.5
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_from_a_file(mine):
    assert load_policy(f"{mine}:Mine")(facts(), more=2).decide(view([1])).replicas == 3


def test_files_of_one_name_do_not_meet(mine, tmp_path):
    other = tmp_path / "other" / "mine.py"
    other.parent.mkdir()
    other.write_text(MINE.replace("view.asked +", "7 *"))
    first, second = load_policy(f"{mine}:Mine")(facts()), load_policy(f"{other}:Mine")(facts())
    assert [policy.decide(view([1])).replicas for policy in (first, second)] == [2, 7]


def test_from_a_module():
    made = load_policy("rorqual_engine.simulation.rivals.static:Static")(facts(), replicas=4)
    assert made.decide(view([1])).replicas == 4


def test_from_an_entry_point(monkeypatch):
    point = importlib.metadata.EntryPoint("still", f"{Static.__module__}:Static", "rorqual.policies")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    assert isinstance(load_policy("still")(facts()), Static)
    with pytest.raises(ValueError, match=r"group rorqual.policies \(still\)"):
        load_policy("moving")


@pytest.mark.parametrize(
    ("name", "found"),
    [("Silent", "the class Silent, which has no decide"), ("half", "found 0.5")],
)
def test_what_is_no_policy_is_named(mine, name, found):
    with pytest.raises(TypeError, match="expected a class whose instances have interval_seconds and decide") as raised:
        load_policy(f"{mine}:{name}")
    assert found in str(raised.value)


def test_an_interval_must_be_above_zero(mine):
    with pytest.raises(TypeError, match="interval_seconds to be a number above 0, found 0"):
        load_policy(f"{mine}:Hasty")(facts())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module_at_all:Policy", "module no_such_module_at_all that can be imported"),
        ("/no/such/file.py:Policy", "Python file /no/such/file.py, found none"),
        ("rorqual_engine.simulation.policy:Nothing", "named Nothing in rorqual_engine.simulation.policy"),
        (":Policy", "expected package.module:Class"),
    ],
)
def test_what_is_not_there_is_named(name, message):
    with pytest.raises(ValueError, match=message):
        load_policy(name)


def test_a_file_that_fails_is_named(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("1 / 0")
    with pytest.raises(ValueError, match=r"broken\.py fails as it is imported: ZeroDivisionError"):
        load_policy(f"{path}:Policy")
