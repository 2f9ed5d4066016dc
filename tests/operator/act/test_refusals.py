"""A refusal stands for a while, longer each time, and ends with the spec that caused it."""

from dataclasses import replace

from rorqual_engine.plan import Hold, Reason
from rorqual_operator.act.refusals import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Refusals, lasting, stalled
from rorqual_operator.act.render import RenderError
from rorqual_operator.kube import KubeError, Unreachable

from ..builders import KEY, NOW, plan, service

INVALID = KubeError(422, "Invalid", "Deployment.apps chat is invalid")


def test_it_stands_until_its_pause_is_over() -> None:
    refusals = Refusals()
    refusals.add(service(), INVALID, NOW)
    stall = refusals.standing(service(), NOW + FIRST_PAUSE_SECONDS - 1)
    assert stall is not None
    assert (stall.reason, stall.message) == (Reason.REFUSED, str(INVALID))
    assert refusals.standing(service(), NOW + FIRST_PAUSE_SECONDS) is None


def test_each_repetition_doubles_the_pause_up_to_a_limit() -> None:
    refusals, at = Refusals(), NOW
    for _ in range(10):
        refusals.add(service(), INVALID, at)
        at += LONGEST_PAUSE_SECONDS
    assert refusals.standing(service(), at - 1) is not None
    assert refusals.standing(service(), at) is None


def test_a_new_spec_is_tried_at_once_and_starts_over() -> None:
    refusals, changed = Refusals(), replace(service(), generation=2)
    refusals.add(service(), INVALID, NOW)
    refusals.add(service(), INVALID, NOW)
    assert refusals.standing(changed, NOW) is None
    refusals.add(changed, INVALID, NOW)
    assert refusals.standing(changed, NOW + FIRST_PAUSE_SECONDS) is None


def test_success_and_deletion_end_it() -> None:
    refusals = Refusals()
    refusals.add(service(), INVALID, NOW)
    refusals.clear(KEY)
    assert refusals.standing(service(), NOW) is None
    refusals.add(service(), INVALID, NOW)
    refusals.forget({})
    assert refusals.standing(service(), NOW) is None


def test_only_what_would_be_refused_again_lasts() -> None:
    assert lasting(INVALID) and lasting(RenderError("template.spec.x is Rorqual's own"))
    assert lasting(KubeError(403, "Forbidden", "exceeded quota"))
    assert not lasting(Unreachable(0, "no answer", "")) and not lasting(KubeError(500, "InternalError", ""))


def test_a_template_error_has_a_reason_of_its_own() -> None:
    assert Refusals().add(service(), RenderError("no"), NOW).reason is Reason.INVALID_TEMPLATE


def test_the_plan_as_it_turned_out_does_nothing_and_says_why() -> None:
    stall = Refusals().add(service(), INVALID, NOW)
    turned_out = stalled(plan(), stall)
    assert turned_out.stall is stall
    assert turned_out.commands == (Hold(Reason.STALLED, stall.message),)
