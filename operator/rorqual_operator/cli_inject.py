"""`rorqual inject`: labelled histories of metrics in which one known thing goes wrong, from the simulator."""

import sys
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

EXTRA = ("numba",)


@click.command()
@click.argument("incident", required=False)
@click.option("--list", "listed", is_flag=True, help="The incidents that there are.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the first run.")
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="One a seed.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default=Path(), show_default="here", help="Folder for the files."
)
@click.option("--format", "suffix", type=click.Choice(["npz", "csv"]), default="npz", show_default=True)
def inject(incident: str | None, listed: bool, seed: int, runs: int, out: Path, suffix: str) -> None:
    """Simulate a service in which INCIDENT happens (`all` for every one), and write its metrics with labels.

    A file is half an hour of four replicas, a row every ten seconds: gauges and rates of each replica, and whether
    something was the matter. `rorqual detect --metrics FILE.npz` looks at one.
    """
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise click.ClickException(f"rorqual inject needs {', '.join(missing)}: pip install 'rorqual[simulate]'")
    from rorqual_engine.simulation.incidents import INCIDENTS, describe

    if listed:
        width = max(map(len, INCIDENTS))
        for name in INCIDENTS:
            click.echo(f"{name:{width}}  {describe(name)}")
        return
    names = list(INCIDENTS) if incident == "all" else [incident] if incident else []
    if not names or not set(names) <= set(INCIDENTS):
        found = repr(incident) if incident else "none"
        raise click.ClickException(f"expected an incident, one of {', '.join(INCIDENTS)}, or all; found {found}")
    _write(names, range(seed, seed + runs), out, suffix)


def _write(names: list[str], seeds: range, out: Path, suffix: str) -> None:
    from rorqual_engine.simulation.incidents import incident
    from rorqual_operator.injection.recording import record

    console = Console(stderr=True)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
            bar = progress.add_task("simulating", total=len(names) * len(seeds))
            for name in names:
                for seed in seeds:
                    file = out / f"{name}-{seed}.{suffix}"
                    record(incident(name, seed)).write(file)
                    click.echo(file)
                    progress.advance(bar)
    except OSError as error:
        raise click.ClickException(f"{out}: cannot be written: {error}") from error
