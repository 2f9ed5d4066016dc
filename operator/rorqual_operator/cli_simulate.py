"""`rorqual simulate`: scaling policies on the same requests in simulated time, before any of them runs in a cluster."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import Progress

from rorqual_engine.units import UnitError, duration_seconds
from rorqual_operator.study.asked import Asked
from rorqual_operator.study.errors import StudyError

if TYPE_CHECKING:
    from rorqual_operator.study.study import Results

EXTRA = ("numba", "joblib")


class Refused(click.ClickException):
    """Something in what was asked for."""

    exit_code = 2


class Duration(click.ParamType[float]):
    """A Go duration."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return duration_seconds(str(value))
        except UnitError as error:
            self.fail(str(error), param, ctx)


FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("-f", "--service", type=FILE, help="LLMService; - reads stdin. Default: Llama 3.1 8B on H100, 1 to 8.")
@click.option("--trace", type=FILE, help="Requests: Azure, Mooncake, ServeGen or CSV; may be packed (.gz).")
@click.option(
    "--workload",
    metavar="NAME",
    help="Named requests instead of a trace, such as step, azure-conv or shared-pool (two services).",
)
@click.option(
    "--policy",
    metavar="NAMES",
    help="With commas: rorqual, rivals' names or their beginnings (hpa, keda), all, module:Class, path.py:Class; "
    "@setting=value follows. Default: rorqual and four others.",
)
@click.option("--goal", type=click.FloatRange(0.5, 0.999), help="Rorqual's good rate. Default: scaling.goal.")
@click.option("--startup", type=Duration(), default="60s", show_default=True, help="Of a replica, until it is ready.")
@click.option(
    "--startup-variation",
    type=click.FloatRange(0.0, 2.0),
    default=0.0,
    show_default=True,
    help="Standard deviation of the start-up over its mean.",
)
@click.option("--start", type=click.Choice(["cold", "warm"]), help="Begin with one replica, or with enough [warm].")
@click.option("--seeds", type=click.IntRange(min=1), default=5, show_default=True, help="Draws of the requests.")
@click.option("--gpus", type=click.IntRange(min=1), help="There are no more than so many.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--plot", "picture", type=FILE, help="Frontier and time lines, as .png (or .svg, .pdf) or .html.")
@click.option("--explain", is_flag=True, help="Tell the changes that each policy made with the first seed, and why.")
@click.option("-v", "--verbose", is_flag=True, help="With --explain: all decisions.")
@click.option(
    "--jobs", type=click.IntRange(min=-1), default=-1, show_default=True, help="Runs at once; -1 for all cores."
)
@click.option(
    "--ray", is_flag=False, flag_value="", metavar="[ADDRESS]", help="Run on Ray, which begins here or is there."
)
def simulate(output: str, picture: Path | None, explain: bool, verbose: bool, **given: Any) -> None:
    """Compare scaling policies on the requests of a trace or workload, in simulated time.

    Every policy gets the same requests, replicas and start; a request is good when it keeps both objectives.
    """
    _check_extra()
    if picture is not None and find_spec("matplotlib") is None:
        raise Refused("--plot needs matplotlib: pip install 'rorqual[plot]'")
    try:
        results = _results(Asked(**given))
    except StudyError as error:
        raise Refused(str(error)) from error
    _show(results, output, explain, verbose)
    if picture is not None:
        _draw(results, picture)


def _check_extra() -> None:
    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise Refused(f"rorqual simulate needs {' and '.join(missing)}: pip install 'rorqual[simulate]'")


def _results(asked: Asked) -> "Results":
    """Runs all of it, with a bar of progress where a person looks on."""
    from rorqual_operator.study.study import carry_out, make_plan
    from rorqual_operator.study.sweep import Workers

    plan = make_plan(asked)
    for note in plan.notes:
        click.echo(note, err=True)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        runs = bar.add_task("simulating", total=len(plan.tasks))
        jobs = 1 if len(plan.tasks) == 1 else asked.jobs or -1
        return carry_out(plan, Workers(jobs, asked.ray), lambda: bar.advance(runs))


def _show(results: "Results", output: str, explain: bool, verbose: bool) -> None:
    if output == "json":
        click.echo(json.dumps(_document(results, explain, verbose), indent=2))
        return
    from rorqual_operator.study.summary import by_workload
    from rorqual_operator.study.table import render

    console = Console(width=None if sys.stdout.isatty() else 170, highlight=False, markup=False)
    console.print(results.plan.title)
    parts = by_workload(results.rows)
    for name, rows in parts.items():
        if len(parts) > 1:
            console.print(f"\n{name}", style="bold")
        console.print(render(rows))
    console.print("* nobody else has as good a rate for as few GPU-hours", style="dim")
    if explain:
        _explain(results, verbose)


def _document(results: "Results", explain: bool, verbose: bool) -> list[dict[str, Any]]:
    from rorqual_operator.study import document
    from rorqual_operator.study.explain import changes

    rows = document.document(results.rows)
    if explain:
        for row, run in document.with_runs(rows, results.first_runs):
            row["decisions"] = document.decisions(run.decisions if verbose else changes(run.decisions))
    return rows


def _explain(results: "Results", verbose: bool) -> None:
    from rorqual_operator.study.explain import changes, lines

    for run in results.first_runs:
        click.echo("")
        for line in lines(run, run.decisions if verbose else changes(run.decisions)):
            click.echo(line)


def _draw(results: "Results", file: Path) -> None:
    from rorqual_operator.study.plot import draw

    try:
        draw(results.plan.title, results.rows, results.first_runs, results.plan.subject.facts, file)
    except (OSError, ValueError) as error:
        raise Refused(f"{file}: cannot be written: {error}") from error
