"""Names on a command line."""

import pytest

from rorqual_engine.simulation.rivals.registry import RIVALS
from rorqual_operator.study.errors import StudyError
from rorqual_operator.study.policies import Choice, choices, default
from rorqual_operator.study.subject import read_subject

SUBJECT = read_subject(None, 60.0)
FACTS = SUBJECT.facts


def names(text: str) -> list[str]:
    return [one.name for one in choices(text, FACTS, SUBJECT.spec)]


def test_a_beginning_stands_for_all_that_have_it() -> None:
    assert names("hpa,rorqual") == ["hpa-in-flight", "hpa-waiting", "hpa-kv-use", "rorqual"]


def test_all_are_all_and_each_comes_once() -> None:
    assert names("hpa,all") == [*names("hpa"), *[name for name in ("rorqual", *RIVALS) if not name.startswith("hpa-")]]


def test_settings_follow_the_name() -> None:
    assert choices("static@replicas=4", FACTS, SUBJECT.spec) == [Choice("static", (("replicas", 4.0),))]


def test_the_default_can_be_made() -> None:
    assert names(default(FACTS))[-1] == "static@replicas=8"


def test_a_setting_that_rorqual_lacks() -> None:
    with pytest.raises(StudyError, match=r"policy rorqual@speed=3: .*speed"):
        choices("rorqual@speed=3", FACTS, SUBJECT.spec)
