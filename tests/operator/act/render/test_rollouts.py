"""Only what concerns the pods changes the pod template: anything else would restart every engine."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_operator.act.render import Capabilities, Owner, render

from .builders import CONFIGURATION, OWNER, pod_template, spec

ELSEWHERE = st.fixed_dictionaries(
    {},
    optional={
        "scaling": st.builds(
            lambda low, more: {"minReplicas": low, "maxReplicas": low + more}, st.integers(0, 5), st.integers(1, 5)
        ),
        "objectives": st.sampled_from([{"ttft": {"p95": "2s"}}, {"tpot": {"p50": "40ms"}}]),
        "workload": st.builds(lambda tokens: {"inputTokens": tokens}, st.integers(1, 4096)),
        "detection": st.sampled_from([{"mode": "Off"}, {"mode": "Repair"}]),
        "configuration": st.sampled_from([{"mode": "Recommend"}, {"maxConcurrentSequences": 8}]),
        "priority": st.integers(-10, 10),
        "hardware": st.just([{"gpu": CONFIGURATION.gpu, "costPerHour": "2.5", "maxReplicas": 3}, {"gpu": "other"}]),
    },
)


@given(ELSEWHERE)
def test_fields_that_do_not_concern_pods_restart_none(fields: dict[str, Any]) -> None:
    assert pod_template(spec(**fields)) == pod_template(spec())


def test_generation_restarts_none() -> None:
    later: Owner = replace(OWNER, generation=2)
    first, second = (render(owner, spec(), CONFIGURATION)[0] for owner in (OWNER, later))
    assert first["spec"] == second["spec"]
    assert first["metadata"]["annotations"] != second["metadata"]["annotations"]


def test_optional_kinds_restart_none() -> None:
    plain, rich = (render(OWNER, spec(), CONFIGURATION, Capabilities(both, both)) for both in (False, True))
    assert plain == rich[: len(plain)]
    assert [item["kind"] for item in rich[len(plain) :]] == ["PodMonitor", "InferencePool"]


@pytest.mark.parametrize(
    "change",
    [
        {"tensor_parallel": 2},
        {"pipeline_parallel": 2},
        {"max_concurrent_sequences": 8},
        {"gpu": "other"},
        {"gpu_memory_share": 0.5},
    ],
)
def test_configuration_does_restart(change: dict[str, Any]) -> None:
    assert pod_template(spec(), replace(CONFIGURATION, **change)) != pod_template(spec())
