"""The policy that marks engine pods."""

from __future__ import annotations

from rorqual_operator.act.render.identity import pod_selector
from rorqual_sandbox.admission import ENGINE_LABELS, mark_engine_pods
from rorqual_sandbox.stages import PROCESS_LABEL


def test_it_marks_engine_pods_alone_and_as_they_are_created() -> None:
    (path, policy), (_, binding) = mark_engine_pods()
    constraints = policy["spec"]["matchConstraints"]
    assert path.endswith("/mutatingadmissionpolicies")
    assert constraints["objectSelector"] == {"matchLabels": ENGINE_LABELS}
    assert constraints["resourceRules"][0]["operations"] == ["CREATE"]
    assert PROCESS_LABEL in policy["spec"]["mutations"][0]["applyConfiguration"]["expression"]
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]


def test_the_operator_labels_its_engine_pods_so() -> None:
    assert pod_selector("chat").items() >= ENGINE_LABELS.items()
