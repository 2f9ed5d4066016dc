"""What every model of the API shares: camelCase on the wire, unknown fields refused, CEL rules beside the checks."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from rorqual_engine.units import duration_seconds


class ApiModel(BaseModel):
    """Frozen, camelCase by alias. ``json_schema_extra`` carries the CEL rules of the type."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )


def cel(rule: str, message: str, **more: str) -> dict[str, Any]:
    """One ``x-kubernetes-validations`` entry as a schema extra."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message, **more}]}


def cel_rules(*rules: Mapping[str, Any]) -> dict[str, Any]:
    """Several `cel` entries as one schema extra."""
    return {"x-kubernetes-validations": [entry for rule in rules for entry in rule["x-kubernetes-validations"]]}


def _positive_duration(text: str) -> str:
    if duration_seconds(text) <= 0:
        raise ValueError(f"{text!r} is not above zero")
    return text


DURATION_MESSAGE = "must be a duration above zero, such as 500ms, 2s, 15m or 1h30m"

Duration = Annotated[
    str,
    StringConstraints(max_length=32),
    AfterValidator(_positive_duration),
    Field(
        json_schema_extra=cel(
            # The pattern comes first so that duration() is asked only for what it can parse.
            "self.matches('^([0-9]+([.][0-9]+)?(ms|s|m|h))+$') && duration(self) > duration('0s')",
            DURATION_MESSAGE,
        )
    ),
]
"""A positive Go duration as text: ``500ms``, ``2s``, ``15m``."""

Decimal = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}([.][0-9]{1,6})?$")]
"""A non-negative decimal number as text, since Kubernetes' API avoids floats where money is meant."""
