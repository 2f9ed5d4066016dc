"""`rorqual operator`: runs the operator, and prints its options."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import click

from rorqual_operator import logs
from rorqual_operator.kube import NotConfigured
from rorqual_operator.leader import LeadershipLost
from rorqual_operator.settings import PREFIX, Settings, SettingsError, load


@click.group()
def operator() -> None:
    """The operator itself."""


@operator.command("run")
@click.option(
    "--kubeconfig", type=click.Path(dir_okay=False), help="Kubeconfig file. Default: in-cluster, else kubectl's."
)
@click.option("--namespace", "namespaces", multiple=True, help="Look after this namespace (repeatable).")
@click.option("--all-namespaces", is_flag=True, help="Look after every namespace (the default).")
@click.option("--prometheus-url", help="Where Prometheus answers. Without it engines are scraped directly.")
@click.option("--tick-seconds", type=float, help="Time between two rounds [10].")
@click.option("--http-address", help="HOST:PORT of /metrics, /healthz, /readyz [0.0.0.0:8080].")
@click.option("--log-format", type=click.Choice(["text", "json"]), help="Form of the log [text].")
@click.option(
    "--config", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="YAML file of options."
)
def run(namespaces: tuple[str, ...], all_namespaces: bool, file: Path | None, **overrides: Any) -> None:
    """Run the operator until it is stopped.

    Every option can also be set by a variable RORQUAL_<OPTION>; `rorqual operator options` lists them all.
    """
    if namespaces and all_namespaces:
        raise click.UsageError("--namespace and --all-namespaces exclude each other")
    if namespaces or all_namespaces:
        overrides["namespaces"] = namespaces
    try:
        settings = load(os.environ, file, overrides)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    logs.configure(settings.log_format, settings.log_level)
    sys.exit(_run(settings))


def _run(settings: Settings) -> int:
    from rorqual_operator import main  # kopf and the clients are slow to import, and --help needs none of them

    try:
        asyncio.run(main.run(settings))
    except BaseExceptionGroup as group:
        error = _first(group)
        if not isinstance(error, (LeadershipLost, OSError)):
            raise
        click.echo(f"rorqual: {error}; exiting", err=True)
        return 1
    except (NotConfigured, OSError) as error:
        click.echo(f"rorqual: {error}", err=True)
        return 1
    return 0


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    """The first leaf of nested exception groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@operator.command("options")
def options() -> None:
    """Print every option with its variable, default and meaning."""
    for name, field in Settings.model_fields.items():
        default = "" if field.default_factory else f" [{field.default}]"
        click.echo(f"{PREFIX}{name.upper()}{default}\n    {field.description}")
