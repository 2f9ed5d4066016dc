"""`rorqual detect`: anomalies in a recorded history, offline."""

import time
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console

from rorqual_engine.detection.detectors.catalog import DEFAULT, DETECTORS
from rorqual_engine.units import UnitError, duration_seconds
from rorqual_operator.anomalies.prometheus import read_prometheus
from rorqual_operator.anomalies.search import Result, search
from rorqual_operator.anomalies.series import Series, SeriesError, read_file
from rorqual_operator.anomalies.show import document, draw, headline, table

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--metrics", type=FILE, help="CSV (times in the first column) or .npz (values, at, names).")
@click.option("--prometheus", metavar="URL", help="Ask this Prometheus for the engines' metrics instead.")
@click.option("--service", metavar="NAME", help="With --prometheus: whose engines.")
@click.option("-n", "--namespace", default="default", show_default=True)
@click.option("--since", default="6h", show_default=True, help="With --prometheus: how far back.")
@click.option("--detector", type=click.Choice(list(DETECTORS)), default=DEFAULT, show_default=True)
@click.option(
    "--learn", type=click.FloatRange(0.05, 1.0), default=0.5, show_default=True,
    help="Share of the history, from its beginning, that is learned from.",
)  # fmt: skip
@click.option(
    "--false-alarms", type=click.FloatRange(min=0.001), default=1.0, show_default=True,
    help="A week, that may be raised where nothing is wrong.",
)  # fmt: skip
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--plot", "picture", type=FILE, help="Metrics, score, limit and episodes, as .png, .svg or .pdf.")
def detect(
    metrics: Path | None,
    prometheus: str | None,
    service: str | None,
    namespace: str,
    since: str,
    detector: str,
    learn: float,
    false_alarms: float,
    output: str,
    picture: Path | None,
) -> None:
    """Find times in a history of metrics that are unlike the rest, with the metrics that they show in.

    Nothing is labelled and nothing is trained beforehand: the first part of the history tells what is usual.
    """
    if picture is not None and find_spec("matplotlib") is None:
        raise click.ClickException("--plot needs matplotlib: pip install 'rorqual[plot]'")
    try:
        series = _series(metrics, prometheus, service, namespace, since)
        result = search(series, detector, learn, false_alarms)
    except (SeriesError, UnitError) as error:
        raise click.ClickException(str(error)) from error
    _show(result, output)
    if picture is not None:
        draw(result, service or (metrics.name if metrics else ""), picture)


def _series(metrics: Path | None, prometheus: str | None, service: str | None, namespace: str, since: str) -> Series:
    if metrics is not None and prometheus is None:
        return read_file(metrics)
    if prometheus is not None and metrics is None and service is not None:
        return read_prometheus(prometheus, namespace, service, time.time(), duration_seconds(since))
    raise SeriesError("expected either --metrics FILE, or --prometheus URL with --service NAME")


def _show(result: Result, output: str) -> None:
    if output == "json":
        click.echo(document(result))
        return
    console = Console(soft_wrap=True, highlight=False)
    console.print(headline(result), markup=False)
    if result.found:
        console.print(table(result))
