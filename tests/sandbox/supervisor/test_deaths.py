"""A component that ends unasked."""

from __future__ import annotations

import logging

import pytest

from rorqual_sandbox.components import ORDER, Component
from rorqual_sandbox.process import ENGINE_VARIABLE
from rorqual_sandbox.supervisor.deaths import Mourner


class Sweeper:
    """Notes what is swept."""

    def __init__(self) -> None:
        self.swept: list[tuple[str, str]] = []

    def __call__(self, variable: str, instance: str) -> list[int]:
        self.swept.append((variable, instance))
        return [11, 12]


def component(name: str) -> Component:
    return Component(name, (name,), 1, "http://127.0.0.1:1/")


def test_the_agents_engines_die_with_it(caplog: pytest.LogCaptureFixture) -> None:
    sweeper = Sweeper()
    Mourner("abc", sweeper).mourn(component("agent"), -9)
    assert sweeper.swept == [(ENGINE_VARIABLE, "abc")]
    assert "killed 2 processes" in caplog.text


@pytest.mark.parametrize("name", [name for name in ORDER if name != "agent"])
def test_engines_survive_the_death_of_any_other(name: str, caplog: pytest.LogCaptureFixture) -> None:
    sweeper = Sweeper()
    with caplog.at_level(logging.ERROR):
        Mourner("abc", sweeper).mourn(component(name), 1)
    assert sweeper.swept == []
    assert caplog.messages == [f"{name} ended unasked with status 1; see {name}.log"]
