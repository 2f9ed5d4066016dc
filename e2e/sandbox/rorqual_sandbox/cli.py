"""`rorqual sandbox`: the container-less cluster from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click
from rich.console import Console

from rorqual_sandbox import inject, kind, launch, logs, report
from rorqual_sandbox.build import ensure_built
from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.handle import Sandbox, layout_of
from rorqual_sandbox.nodes import DEFAULT_FLEET, NodeSpec, fleet_of, read_fleet
from rorqual_sandbox.options import Engine, Options
from rorqual_sandbox.paths import state_root

P = ParamSpec("P")
_name = click.option("--name", default="default", show_default=True, help="Which sandbox, when there are several.")


def _plain_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Shows a SandboxError as one message instead of a traceback."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except SandboxError as error:
            raise click.ClickException(str(error)) from error

    return wrapper


@click.group()
def sandbox() -> None:
    """A real Kubernetes control plane on this machine, without containers or root."""


@sandbox.command()
@_name
@click.option(
    "--engine",
    type=click.Choice([str(engine) for engine in Engine]),
    default=str(Engine.SIM),
    show_default=True,
    help="What plays vLLM.",
)
@click.option("--provider", type=click.Choice(["embedded", "kind"]), default="embedded", show_default=True)
@click.option("--nodes", type=click.Path(exists=True, path_type=Path), help="YAML list of {name, product, gpus}.")
@click.option("--gpu", "gpus", multiple=True, metavar="PRODUCT=COUNT", help="Nodes with these GPUs; repeatable.")
@click.option("--scrape-interval", default=2.0, show_default=True, help="Prometheus's scrape interval in seconds.")
@click.option("--load-seconds", default=3.0, show_default=True, help="How long a simulated engine loads its model.")
@click.option("--foreground", is_flag=True, help="Stay attached; Ctrl-C takes the sandbox down.")
@_plain_errors
def up(
    name: str,
    engine: str,
    provider: str,
    nodes: Path | None,
    gpus: tuple[str, ...],
    scrape_interval: float,
    load_seconds: float,
    foreground: bool,
) -> None:
    """Start a sandbox; the first time, build it."""
    options = Options(
        engine=Engine(engine),
        nodes=_fleet(nodes, gpus),
        scrape_interval_seconds=scrape_interval,
        load_seconds=load_seconds,
    )
    if provider == "kind":
        kind.Kind(name).up(options)
        click.echo(kind.how_to_go_on(name))
    elif foreground:
        layout = layout_of(name)
        launch.up_foreground(layout, options, lambda: click.echo(report.how_to_go_on(Sandbox.attach(name))))
    else:
        click.echo(report.how_to_go_on(Sandbox.up(name, options=options)))


@sandbox.command()
@_plain_errors
def build() -> None:
    """Build what a sandbox runs, unless it is built already; `up` does so too."""
    ensure_built()


@sandbox.command()
@_name
@click.option("--all", "everything", is_flag=True, help="Every sandbox of this user.")
@click.option("--provider", type=click.Choice(["embedded", "kind"]), default="embedded", show_default=True)
@_plain_errors
def down(name: str, everything: bool, provider: str) -> None:
    """Stop a sandbox and remove its directory."""
    if provider == "kind":
        kind.Kind(name).down()
        return
    for each in _names() if everything else [name]:
        stopped = launch.down(layout_of(each))
        click.echo(f"sandbox {each} is down" if stopped else f"no sandbox {each}")


@sandbox.command()
@_name
@_plain_errors
def status(name: str) -> None:
    """Components, nodes and engine pods."""
    report.print_status(Sandbox.attach(name), Console())


@sandbox.command("list")
def list_() -> None:
    """The sandboxes of this user."""
    for name in _names():
        click.echo(f"{name}\t{report.describe_phase(layout_of(name))}")


@sandbox.command("logs")
@click.argument("target", metavar="POD|COMPONENT")
@_name
@click.option("-n", "--namespace", help="The pod's namespace, where the name alone is ambiguous.")
@click.option("-f", "--follow", is_flag=True, help="Go on as it grows.")
@click.option("-p", "--previous", is_flag=True, help="The run before the last restart.")
@_plain_errors
def logs_(target: str, name: str, namespace: str | None, follow: bool, previous: bool) -> None:
    """Print the log of an engine pod or of a component."""
    path = logs.find_log(layout_of(name), target, namespace, logs.Run.PREVIOUS if previous else logs.Run.CURRENT)
    lines = logs.follow(path) if follow else logs.read(path)
    for line in lines:
        click.echo(line, nl=False)


@sandbox.command("inject")
@click.argument("pod")
@_name
@click.option("-n", "--namespace", default="default", show_default=True)
@click.option("--fault", type=click.Choice([str(one) for one in inject.Fault]), required=True, help="What happens.")
@click.option("--seconds", type=click.FloatRange(min=0.1), default=30.0, show_default=True, help="Of all but kill.")
@click.option("--share", type=click.FloatRange(0.01, 0.99), default=0.4, show_default=True, help="Left by starve.")
@_plain_errors
def inject_(pod: str, name: str, namespace: str, fault: str, seconds: float, share: float) -> None:
    """Let something happen to an engine pod.

    freeze stops it (SIGSTOP), stuck stops vLLM's process with the model alone, starve leaves it little CPU, kill ends
    it (SIGKILL).
    """
    inject.inject(Sandbox.attach(name), namespace, pod, inject.Fault(fault), seconds, share)
    click.echo(f"{fault} of {namespace}/{pod}: over")


@sandbox.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@_name
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@_plain_errors
def kubectl(name: str, args: tuple[str, ...]) -> None:
    """Run kubectl against the sandbox: `rorqual sandbox kubectl -- get pods`."""
    attached = Sandbox.attach(name)
    command = [attached.binaries.path("kubectl"), *args]
    sys.exit(subprocess.run(command, env={**os.environ, **attached.env}, check=False).returncode)


@sandbox.command()
@_name
@_plain_errors
def env(name: str) -> None:
    """Print shell exports: eval "$(rorqual sandbox env)"."""
    click.echo(report.shell_exports(Sandbox.attach(name)))


def _fleet(path: Path | None, gpus: tuple[str, ...]) -> tuple[NodeSpec, ...]:
    if path:
        return read_fleet(path)
    if not gpus:
        return DEFAULT_FLEET
    counts: dict[str, int] = {}
    for text in gpus:
        product, _, count = text.partition("=")
        if not count.isdigit():
            raise SandboxError(f"--gpu {text!r}: expected PRODUCT=COUNT, as NVIDIA-L40S=4")
        counts[product] = int(count)
    return fleet_of(counts)


def _names() -> list[str]:
    root = state_root()
    return sorted(path.name for path in root.iterdir() if path.is_dir()) if root.exists() else []
