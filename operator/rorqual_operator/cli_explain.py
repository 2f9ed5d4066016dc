"""`rorqual explain`: the latest decision about a service, as a person would tell it."""

import asyncio
from pathlib import Path

import click
import yaml
from kubernetes.aio.config import ConfigException

from rorqual_operator import kube as k8s
from rorqual_operator.explanation import ExplanationError
from rorqual_operator.explanation import explain as told
from rorqual_operator.kube import KubeError, Object


@click.command()
@click.argument("service")
@click.option("-n", "--namespace", default="default", show_default=True)
@click.option("--kubeconfig", type=click.Path(dir_okay=False), help="Kubeconfig file. Default: kubectl's.")
@click.option(
    "-f", "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the service from a file instead, as `kubectl get llmservice NAME -o yaml` prints it.",
)  # fmt: skip
def explain(service: str, namespace: str, kubeconfig: str | None, file: Path | None) -> None:
    """Tell why SERVICE has the replicas that it has: its load, what was foretold, the options, what was decided.

    The figures are those of status.scaling, which the operator refreshes every half a minute.
    """
    try:
        item = _read(file) if file is not None else asyncio.run(_get(service, namespace, kubeconfig))
        click.echo(told(item), nl=False)
    except (KubeError, ConfigException, ExplanationError) as error:
        raise click.ClickException(str(error)) from error


async def _get(name: str, namespace: str, kubeconfig: str | None) -> Object:
    async with await k8s.connect(kubeconfig) as kube:
        return await kube.get(k8s.LLMSERVICES, namespace, name)


def _read(file: Path) -> Object:
    try:
        item = yaml.safe_load(file.read_text())
    except yaml.YAMLError as error:
        raise ExplanationError(f"{file}: no YAML: {error}") from error
    if not isinstance(item, dict) or item.get("kind") != "LLMService" or "spec" not in item:
        raise ExplanationError(f"{file}: expected one LLMService with its status")
    item.setdefault("metadata", {}).setdefault("namespace", "default")
    return item
