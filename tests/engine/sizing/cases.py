"""Sizing a spec in one call."""

from rorqual_engine.fleet import Inventory
from rorqual_engine.plan import Configuration, Recommendation, Stall
from rorqual_engine.sizing.recommend import Case, read_case, recommend

from ..builders import a_node


def case_of(spec, nodes=(), running: Configuration | None = None) -> Case:
    case = read_case(spec, Inventory.of(nodes or (a_node(),)), running)
    assert isinstance(case, Case), case
    return case


def recommended(spec, nodes=(), running: Configuration | None = None) -> Recommendation:
    found = recommend(case_of(spec, nodes, running))
    assert isinstance(found, Recommendation), found
    return found


def configuration(spec, nodes=(), running: Configuration | None = None) -> Configuration:
    return recommended(spec, nodes, running).configuration


def stalled(spec, nodes=()) -> Stall:
    case = read_case(spec, Inventory.of(nodes or (a_node(),)), None)
    found = case if isinstance(case, Stall) else recommend(case)
    assert isinstance(found, Stall), found
    return found
