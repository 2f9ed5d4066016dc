"""Start, drain and end fit into each other."""

from hypothesis import given
from hypothesis import strategies as st

from rorqual_operator.act.render.lifecycle import LOAD_SECONDS, PROGRESS_SECONDS, ending, probes
from rorqual_operator.act.render.vllm import VLLM

from .builders import pod_template, spec


@given(st.integers(min_value=0, max_value=7200), st.sampled_from(["0.10.0", "0.19.0"]))
def test_end_fits_into_the_grace_period(grace: int, version: str) -> None:
    times = ending(
        VLLM(), spec(engine={"version": version}, template={"spec": {"terminationGracePeriodSeconds": grace}})
    )
    after_sigterm = times.drain_seconds if version == "0.19.0" else 0
    assert times.grace_seconds == grace
    assert 0 <= times.sleep_seconds + after_sigterm <= grace


def test_engine_that_cannot_drain_sleeps_for_it() -> None:
    old, new = (ending(VLLM(), spec(engine={"version": version})) for version in ("0.10.0", "0.19.0"))
    assert old.sleep_seconds == new.sleep_seconds + new.drain_seconds


def test_startup_allows_for_the_load_and_the_rollout_for_more() -> None:
    startup = probes(VLLM())["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] == LOAD_SECONDS < PROGRESS_SECONDS


def test_grace_period_of_the_template_is_used() -> None:
    pod = pod_template(spec(template={"spec": {"terminationGracePeriodSeconds": 300}}))["spec"]
    assert pod["terminationGracePeriodSeconds"] == 300
