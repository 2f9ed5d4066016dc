"""The template may add, and may not take over."""

from typing import Any

import pytest

from rorqual_operator.act.render import RenderError, pod_selector

from .builders import GPU, engine, pod_template, spec


def with_engine(**fields: Any) -> dict[str, Any]:
    return {"template": {"spec": {"containers": [{"name": "engine", **fields}]}}}


@pytest.mark.parametrize("field", ["image", "command", "args"])
def test_own_fields_are_refused(field: str) -> None:
    with pytest.raises(RenderError, match=rf"containers\[engine\]\.{field} is Rorqual's own: use engine\."):
        engine(spec(**with_engine(**{field: ["x"]})))


def test_gpu_count_is_refused() -> None:
    with pytest.raises(RenderError, match=r"nvidia\.com/gpu"):
        engine(spec(**with_engine(resources={"limits": {"nvidia.com/gpu": 4}})))


def test_containers_cannot_be_removed() -> None:
    with pytest.raises(RenderError):
        engine(spec(template={"spec": {"containers": None}}))


def test_memory_is_added_beside_the_gpu() -> None:
    found = engine(spec(**with_engine(resources={"limits": {"memory": "64Gi"}})))
    assert found["resources"]["limits"] == {"nvidia.com/gpu": "1", "memory": "64Gi"}


def test_labels_of_the_selector_cannot_be_taken() -> None:
    taken = dict.fromkeys(pod_selector("chat"), "other")
    found = pod_template(spec(template={"metadata": {"labels": {**taken, "team": "a"}}}))["metadata"]["labels"]
    assert pod_selector("chat").items() <= found.items()
    assert found["team"] == "a"


def test_product_is_required_in_every_alternative() -> None:
    terms = [
        {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]},
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]},
    ]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    pod = pod_template(spec(template={"spec": {"affinity": {"nodeAffinity": required}}}))["spec"]
    found = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert len(found) == 2
    assert all(term["matchExpressions"][-1]["values"] == [GPU] for term in found)
    assert found[0]["matchExpressions"][0]["key"] == "zone"


def test_the_spec_is_not_changed_by_rendering() -> None:
    given = spec(template={"spec": {"affinity": {"nodeAffinity": {}}, "volumes": [{"name": "a", "emptyDir": {}}]}})
    before = given.model_copy(deep=True)
    pod_template(given)
    assert given == before
