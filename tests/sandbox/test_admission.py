"""The policy that marks engine pods."""

from __future__ import annotations

from rorqual_sandbox.admission import mark_engine_pods
from rorqual_sandbox.stages import PROCESS_LABEL


def test_it_marks_rorquals_pods_alone_and_as_they_are_created() -> None:
    (path, policy), (_, binding) = mark_engine_pods()
    constraints = policy["spec"]["matchConstraints"]
    assert path.endswith("/mutatingadmissionpolicies")
    assert constraints["objectSelector"] == {"matchLabels": {"app.kubernetes.io/managed-by": "rorqual"}}
    assert constraints["resourceRules"][0]["operations"] == ["CREATE"]
    assert PROCESS_LABEL in policy["spec"]["mutations"][0]["applyConfiguration"]["expression"]
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
