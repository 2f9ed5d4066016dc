"""What each kind of address makes the engine load."""

import pytest

from rorqual_engine.api.spec import Model
from rorqual_operator.act.render import RenderError
from rorqual_operator.act.render.source import SCHEMES, Weights, secret_environment, weights


def of(source: str | None) -> Weights:
    return weights(Model(name="org/model", source=source))


@pytest.mark.parametrize(
    ("source", "location"),
    [
        (None, "org/model"),
        ("hf://other/name", "other/name"),
        ("pvc://claim/a/b", "/models/a/b"),
        ("pvc://claim", "/models"),
        ("s3://bucket/a", "s3://bucket/a"),
        ("oci://registry.example.com/a:1", "/models"),
        ("file:///opt/a", "/opt/a"),
    ],
)
def test_location(source: str | None, location: str) -> None:
    assert of(source).location == location


def test_every_scheme_of_the_schema_is_known() -> None:
    assert set(SCHEMES) == {"hf", "pvc", "s3", "oci", "file"}


def test_claim_is_mounted_read_only() -> None:
    found = of("pvc://claim/a")
    assert found.volumes[0]["persistentVolumeClaim"] == {"claimName": "claim", "readOnly": True}
    assert found.mounts[0]["readOnly"] is True


@pytest.mark.parametrize("source", ["pvc://claim/../etc", "pvc:///path", "file://relative"])
def test_unusable_address_is_refused_by_name(source: str) -> None:
    with pytest.raises(RenderError, match=r"model\.source"):
        of(source)


def test_secrets_are_referred_to() -> None:
    model = Model.model_validate(
        {"name": "m", "tokenSecret": {"name": "hub", "key": "token"}, "credentialsSecret": "bucket"}
    )
    assert secret_environment(model) == {
        "env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}],
        "envFrom": [{"secretRef": {"name": "bucket"}}],
    }


def test_no_secret_no_environment() -> None:
    assert secret_environment(Model(name="m")) == {}
