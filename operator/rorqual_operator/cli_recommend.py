"""`rorqual recommend`: sizes a service offline, and says what each alternative would do and cost."""

import json
import sys
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.plan import Stall
from rorqual_engine.sizing.front import pareto_front
from rorqual_engine.sizing.recommend import ask
from rorqual_engine.snapshot import ModelConfig
from rorqual_operator.advice import document, manifest, plot, table
from rorqual_operator.advice.report import Report, make_report, problem
from rorqual_operator.advice.trace import TraceError, read_trace
from rorqual_operator.hub import HubError, fetch_config
from rorqual_operator.observe.model_config import from_config_map
from rorqual_operator.oracle.aiconfigurator import AIConfigurator, OracleError
from rorqual_operator.service_file import ServiceFileError, one_service, read_documents, validated

HUB_TIMEOUT_SECONDS = 20.0
IMPOSSIBLE = 2
"""Exit status when no alternative meets the objectives; 1 is an error."""


@click.command()
@click.option("-f", "--file", type=click.Path(dir_okay=False, path_type=Path), help="LLMService; - reads stdin.")
@click.option("--model", help="Model to serve, instead of the file's.")
@click.option(
    "--config-json",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The model's config.json, instead of the catalog.",
)
@click.option(
    "--hub", is_flag=True, help="Take the model's config.json from the hub (HF_TOKEN), instead of the catalog."
)
@click.option("--revision", metavar="REV", help="Branch, tag or commit on the hub [main].")
@click.option("--gpu", "gpus", multiple=True, metavar="NAME[=PRICE]", help="GPU product to consider (repeatable).")
@click.option("--rate", type=float, help="Requests a second to serve.")
@click.option("--input-tokens", type=int, help="Mean tokens of a prompt.")
@click.option("--output-tokens", type=int, help="Mean tokens of an answer.")
@click.option(
    "--trace",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV with a row a request: lengths, and with TIMESTAMP the rate.",
)
@click.option("--prefix-hit-rate", type=float, help="Share of prompt tokens that the prefix cache holds.")
@click.option("--tokens-per-step", type=float, help="Tokens that a decode step yields (speculative decoding).")
@click.option("--ttft", metavar="DURATION", help="Limit on the time to first token, 95th percentile, such as 2s.")
@click.option("--tpot", metavar="DURATION", help="Limit on the time per output token, 95th percentile, such as 50ms.")
@click.option("--confidence", type=click.FloatRange(0.5, 0.999), help="With which objectives must be kept [0.7].")
@click.option("--oracle", type=click.Choice(["aiconfigurator"]), help="Rank the best alternatives by its figures, too.")
@click.option(
    "--oracle-python",
    type=click.Path(path_type=Path),
    envvar="RORQUAL_ORACLE_PYTHON",
    help="Python of the oracle's environment [$RORQUAL_ORACLE_PYTHON].",
)
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml", "manifest"]), default="table")
@click.option("--plot", "picture", type=click.Path(dir_okay=False, path_type=Path), help="Picture of the Pareto front.")
def recommend(
    file: Path | None,
    confidence: float | None,
    oracle: str | None,
    oracle_python: Path | None,
    output: str,
    picture: Path | None,
    **given: Any,
) -> None:
    """Recommend GPUs, configuration and replicas for an LLMService, without a cluster.

    Exit status 2 means that no alternative meets the objectives; the answer says which one binds.
    """
    documents = _read(file)
    body = _service(file, documents)
    metadata = body.get("metadata") or {"name": "llm"}
    spec = _spec(_overridden(body.get("spec") or {}, **given))
    name, config = metadata.get("name", "llm"), _config_map(spec, documents)
    report = (
        _ask_oracle(name, spec, confidence, oracle_python) if oracle else make_report(name, spec, confidence, config)
    )
    if isinstance(report, Stall):
        raise click.ClickException(f"{report.reason}: {report.message}")
    _show(report, output, metadata)
    if picture is not None:
        _draw(report, picture)
    if not report.possible:
        click.echo(problem(report), err=True)
        sys.exit(IMPOSSIBLE)


def _ask_oracle(name: str, spec: LLMServiceSpec, confidence: float | None, python: Path | None) -> Report | Stall:
    """The report by AIConfigurator, with its progress on stderr."""
    if python is None:
        raise click.UsageError("--oracle needs --oracle-python, the Python of an environment that has it")
    if spec.objectives.ttft is None and spec.objectives.tpot is None:
        raise click.UsageError("--oracle needs objectives: without them memory alone decides")
    if spec.model.config_json or spec.model.config_json_from or spec.model.architecture:
        raise click.UsageError("--oracle knows models by name alone: leave out its configJson and architecture")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("asking AIConfigurator", total=None)
        try:
            asked = AIConfigurator(python, lambda done, of: progress.update(task, completed=done, total=of))
            report = make_report(name, spec, confidence, oracle=asked)
        except OracleError as error:
            raise click.ClickException(str(error)) from error
    for reason, times in asked.refusals.items():
        click.echo(f"AIConfigurator has no answer for {times} points: {reason}", err=True)
    return report


def _read(file: Path | None) -> list[Any]:
    try:
        return [] if file is None else read_documents(file)
    except ServiceFileError as error:
        raise click.ClickException(str(error)) from error


def _service(file: Path | None, documents: list[Any]) -> dict[str, Any]:
    try:
        return {} if file is None else one_service(file, documents)
    except ServiceFileError as error:
        raise click.ClickException(str(error)) from error


def _config_map(spec: LLMServiceSpec, documents: list[Any]) -> ModelConfig | None:
    """The config.json that the spec has from a ConfigMap, which must stand in the same file."""
    if spec.model.config_json_from is None:
        return None
    wanted = spec.model.config_json_from.config_map_key_ref
    maps = [part for part in documents if isinstance(part, dict) and part.get("kind") == "ConfigMap"]
    found = next((part for part in maps if (part.get("metadata") or {}).get("name") == wanted.name), None)
    if found is None:
        origin = f"spec.model.configJsonFrom: ConfigMap {wanted.name}"
        return ModelConfig(origin, problem="not in the file; put it beside the LLMService, or give --config-json")
    return from_config_map(found, wanted)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file}: cannot be read: {error}") from error


def _overridden(spec: dict[str, Any], **given: Any) -> dict[str, Any]:
    """The spec with what the command line says in its place."""
    workload = {"inputTokens": given["input_tokens"], "outputTokens": given["output_tokens"]}
    workload["requestsPerSecond"] = given["rate"]
    workload |= {"prefixHitRate": given["prefix_hit_rate"], "tokensPerStep": given["tokens_per_step"]}
    traced = _traced(given["trace"], workload) if given["trace"] else {}
    spec = {**spec, "workload": {**(spec.get("workload") or {}), **traced, **_given(workload)}}
    limits = {signal: {"p95": given[signal]} for signal in ("ttft", "tpot") if given[signal]}
    spec["objectives"] = {**(spec.get("objectives") or {}), **limits}
    if given["model"]:
        spec["model"] = {**(spec.get("model") or {}), "name": given["model"]}
    text = _config_text((spec.get("model") or {}).get("name"), **given)
    if text is not None:
        kept = {name: value for name, value in (spec.get("model") or {}).items() if name != "configJsonFrom"}
        spec["model"] = {**kept, "configJson": text}
    if given["gpus"]:
        known = {entry.get("gpu"): entry for entry in spec.get("hardware") or [] if isinstance(entry, dict)}
        spec["hardware"] = [_hardware(text, known) for text in given["gpus"]]
    return spec


def _config_text(name: Any, **given: Any) -> str | None:
    """The config.json that the command line names; None where it names none."""
    file, revision = given["config_json"], given["revision"]
    if file and given["hub"]:
        raise click.UsageError("--config-json and --hub exclude each other")
    if revision and not given["hub"]:
        raise click.UsageError("--revision goes with --hub")
    if file:
        return _text(file)
    return _fetched(name, revision) if given["hub"] else None


def _fetched(name: Any, revision: str | None) -> str:
    if not isinstance(name, str):
        raise click.UsageError("--hub needs a model: give --model, or an LLMService with -f")
    try:
        return fetch_config(name, revision, HUB_TIMEOUT_SECONDS)
    except HubError as error:
        raise click.ClickException(str(error)) from error


def _traced(file: Path, workload: dict[str, Any]) -> dict[str, Any]:
    """The workload as a trace tells it."""
    if workload["inputTokens"] is not None or workload["outputTokens"] is not None:
        raise click.UsageError("--trace tells the lengths: give it, or --input-tokens and --output-tokens")
    try:
        return read_trace(file).workload()
    except TraceError as error:
        raise click.ClickException(str(error)) from error


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _hardware(text: str, known: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    name, _, price = text.partition("=")
    entry = dict(known.get(name, {"gpu": name}))
    return {**entry, "costPerHour": price} if price else entry


def _spec(body: dict[str, Any]) -> LLMServiceSpec:
    if not body.get("model"):
        raise click.UsageError("give an LLMService with -f, or --model and --gpu")
    try:
        return validated(body)
    except ServiceFileError as error:
        raise click.ClickException(str(error)) from error


def _show(report: Report, output: str, metadata: dict[str, Any]) -> None:
    if output == "table":
        width = None if sys.stdout.isatty() else 170
        Console(width=width, highlight=False).print(table.render(report))
    elif output == "manifest":
        click.echo(yaml.safe_dump(manifest.manifest(report, metadata), sort_keys=False), nl=False)
    else:
        data = document.document(report, pareto_front(ask(report.case)))
        text = json.dumps(data, indent=2) + "\n" if output == "json" else yaml.safe_dump(data, sort_keys=False)
        click.echo(text, nl=False)


def _draw(report: Report, file: Path) -> None:
    try:
        plot.draw(report, pareto_front(ask(report.case)), file)
    except ImportError as error:
        raise click.ClickException("--plot needs matplotlib: pip install 'rorqual[plot]'") from error
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{file}: cannot be written: {error}") from error
