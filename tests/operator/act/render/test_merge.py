"""The merge does what kubectl's strategic merge does."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorqual_operator.act.render import RenderError
from rorqual_operator.act.render.merge import merge

BASE: dict[str, Any] = {
    "containers": [{"name": "engine", "image": "a", "env": [{"name": "A", "value": "1"}]}],
    "volumes": [{"name": "cache", "emptyDir": {}}],
    "tolerations": [{"key": "gpu"}],
    "securityContext": {"fsGroup": 1},
}

PATCHES = st.fixed_dictionaries(
    {},
    optional={
        "containers": st.just([{"name": "engine", "workingDir": "/x"}, {"name": "sidecar"}]),
        "volumes": st.just([{"name": "cache", "persistentVolumeClaim": {"claimName": "c"}}]),
        "tolerations": st.lists(st.sampled_from([{"key": "spot"}, {"key": "gpu"}]), unique_by=str),
        "securityContext": st.dictionaries(st.sampled_from(["fsGroup", "runAsUser"]), st.integers(0, 9)),
        "priorityClassName": st.sampled_from(["a", None]),
    },
)


def test_containers_merge_by_name() -> None:
    patch = {"containers": [{"name": "sidecar"}, {"name": "engine", "env": [{"name": "B", "value": "2"}]}]}
    engine, sidecar = merge(BASE, patch, "spec")["containers"]
    assert engine["image"] == "a"
    assert [variable["name"] for variable in engine["env"]] == ["A", "B"]
    assert sidecar == {"name": "sidecar"}


def test_variable_of_the_same_name_is_replaced_whole() -> None:
    source = {"fieldRef": {"fieldPath": "status.podIP"}}
    patch = {"containers": [{"name": "engine", "env": [{"name": "A", "valueFrom": source}]}]}
    assert merge(BASE, patch, "spec")["containers"][0]["env"] == [{"name": "A", "valueFrom": source}]


def test_volume_of_the_same_name_changes_its_source() -> None:
    claim = {"name": "cache", "persistentVolumeClaim": {"claimName": "c"}}
    assert merge(BASE, {"volumes": [claim]}, "spec")["volumes"] == [claim]


def test_tolerations_are_appended_once() -> None:
    found = merge(BASE, {"tolerations": [{"key": "gpu"}, {"key": "spot"}]}, "spec")["tolerations"]
    assert found == [{"key": "gpu"}, {"key": "spot"}]


def test_null_removes() -> None:
    assert "securityContext" not in merge(BASE, {"securityContext": None}, "spec")


def test_another_handler_of_a_probe_takes_the_place_of_ours() -> None:
    ours = {"readinessProbe": {"httpGet": {"path": "/health"}, "periodSeconds": 5}}
    merged = merge(ours, {"readinessProbe": {"tcpSocket": {"port": 1}}}, "x")
    assert merged["readinessProbe"] == {"tcpSocket": {"port": 1}, "periodSeconds": 5}


def test_other_lists_are_replaced() -> None:
    assert merge({"args": ["a"]}, {"args": ["b"]}, "spec")["args"] == ["b"]


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        ({"containers": "engine"}, r"spec\.containers"),
        ({"containers": [{"image": "b"}]}, r"spec\.containers\[0\]"),
        ({"tolerations": {}}, r"spec\.tolerations"),
        ({"containers": [{"name": "engine", "env": ["A=1"]}]}, r"spec\.containers\[engine\]\.env\[0\]"),
    ],
)
def test_wrong_shape_is_refused_by_path(patch: dict[str, Any], path: str) -> None:
    with pytest.raises(RenderError, match=path):
        merge(BASE, patch, "spec")


@given(PATCHES)
def test_twice_is_as_once(patch: dict[str, Any]) -> None:
    once = merge(BASE, patch, "spec")
    assert merge(once, patch, "spec") == once


@given(PATCHES)
def test_inputs_stay_as_they_are(patch: dict[str, Any]) -> None:
    base, before = deepcopy(BASE), deepcopy(patch)
    merged = merge(base, patch, "spec")
    merged["containers"][0]["name"] = "changed"
    assert (base, patch) == (BASE, before)
