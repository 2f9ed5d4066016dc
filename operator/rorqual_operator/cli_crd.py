"""`rorqual crd`: prints the CustomResourceDefinition, or the reference page, made from the models."""

import click
import yaml

from rorqual_engine.api.crd import crd as definition
from rorqual_engine.api.reference import reference


@click.command()
@click.option(
    "-o", "--output", type=click.Choice(["yaml", "markdown"]), default="yaml", help="CRD, or its reference page."
)
def crd(output: str) -> None:
    """Print the LLMService CustomResourceDefinition, for `kubectl apply -f -`."""
    click.echo(as_yaml() if output == "yaml" else reference(), nl=False)


def as_yaml() -> str:
    """The text of crds/rorqual.io_llmservices.yaml."""
    head = "# Made by `rorqual crd` from engine/rorqual_engine/api; do not edit.\n"
    return head + yaml.safe_dump(definition(), sort_keys=False, width=110, allow_unicode=True)
