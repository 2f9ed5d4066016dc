"""`rorqual calibrate`: measures one replica with a short sweep of loads, and lets the operator learn from it."""

import asyncio
import time
from typing import Any

import click
import yaml
from kubernetes.aio.config import ConfigException
from pydantic import ValidationError

from rorqual_engine.api import API_VERSION, KIND, LLMServiceSpec
from rorqual_engine.api.status import CalibrationPoint, CalibrationRun
from rorqual_engine.observation import MeasurementError, Observation
from rorqual_engine.plan import Configuration
from rorqual_operator import kube as k8s
from rorqual_operator.act.render import pod_selector, read_configuration
from rorqual_operator.act.render.ports import PORT
from rorqual_operator.kube import Kube, KubeError, Object
from rorqual_operator.times import rfc3339
from rorqual_operator.trial import job, process
from rorqual_operator.trial.sweep import Sweep, TrialError, check_running, loads_up_to, pick_replica

FIELD_MANAGER = "rorqual-calibrate"


@click.command()
@click.argument("service")
@click.option("-n", "--namespace", default="default", show_default=True)
@click.option("--kubeconfig", type=click.Path(dir_okay=False), help="Kubeconfig file. Default: kubectl's.")
@click.option("--concurrency", help="Loads, such as 1,4,16. Default: up to six, to the replica's most sequences.")
@click.option("--seconds", type=click.FloatRange(5, 600), default=30.0, show_default=True, help="Of each load.")
@click.option("--input-tokens", type=click.IntRange(1), help="Of a prompt. Default: the spec's workload.")
@click.option("--output-tokens", type=click.IntRange(2), help="Of an answer. Default: the spec's workload.")
@click.option("--tokenizer", help="Directory or hub name of the tokenizer. Default: the model's name.")
@click.option("--guidellm", default="guidellm", show_default=True, help="guidellm's command, run on this machine.")
@click.option("--as-job", is_flag=True, help="Run guidellm as a Job in the cluster instead.")
@click.option("--image", default=job.IMAGE, show_default=True, help="guidellm's image, with --as-job.")
@click.option("--dry-run", is_flag=True, help="Measure and print; leave the service's status alone.")
def calibrate(service: str, namespace: str, kubeconfig: str | None, **options: Any) -> None:
    """Measure one replica of SERVICE under load, and correct its predictions by what was seen.

    Answers of users are slowed meanwhile. What was measured is written to status.calibration.
    """
    try:
        run = asyncio.run(_calibrate(service, namespace, kubeconfig, options))
    except (TrialError, KubeError, ConfigException, MeasurementError, ValidationError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(yaml.safe_dump(run.model_dump(by_alias=True), sort_keys=False), nl=False)


async def _calibrate(name: str, namespace: str, kubeconfig: str | None, options: dict[str, Any]) -> CalibrationRun:
    async with await k8s.connect(kubeconfig) as kube:
        item = await kube.get(k8s.LLMSERVICES, namespace, name)
        spec = LLMServiceSpec.model_validate(item["spec"])
        deployment = await kube.get(k8s.DEPLOYMENTS, namespace, name)
        running = check_running(f"{namespace}/{name}", read_configuration(deployment))
        selector = ",".join(f"{key}={value}" for key, value in pod_selector(name).items())
        pods = await kube.list(k8s.PODS, namespace, labelSelector=selector)
        pod, target = pick_replica(pods["items"], PORT)
        sweep = _sweep(spec, running, target, options)
        click.echo(f"{pod}: {', '.join(map(str, sweep.concurrencies))} at once, {sweep.seconds:g} s each", err=True)
        points = await _measure(kube, sweep, item, options)
        run = _run(running, points)
        if not options["dry_run"]:
            await kube.apply(k8s.LLMSERVICES, status_of(namespace, name, run), FIELD_MANAGER, "status")
        return run


def _sweep(spec: LLMServiceSpec, running: Configuration, target: str, options: dict[str, Any]) -> Sweep:
    return Sweep(
        target=target,
        model=spec.model.name,
        tokenizer=options["tokenizer"] or spec.model.name,
        input_tokens=options["input_tokens"] or spec.workload.input_tokens,
        output_tokens=options["output_tokens"] or spec.workload.output_tokens,
        concurrencies=_concurrencies(options["concurrency"]) or loads_up_to(running.max_concurrent_sequences),
        seconds=options["seconds"],
    )


def _concurrencies(text: str | None) -> tuple[int, ...]:
    try:
        found = tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError as error:
        raise TrialError(f"--concurrency {text!r}: expected whole numbers with commas, such as 1,4,16") from error
    if any(count < 1 for count in found):
        raise TrialError(f"--concurrency {text!r}: every load must be at least 1")
    return found


async def _measure(kube: Kube, sweep: Sweep, item: Object, options: dict[str, Any]) -> list[dict[str, float]]:
    if options["as_job"]:
        name = f"{item['metadata']['name']}-calibrate-{int(time.time()):x}"
        return await job.run_there(kube, sweep, item, name, options["image"])
    return await asyncio.to_thread(process.run_here, sweep, options["guidellm"])


def _run(running: Configuration, points: list[dict[str, float]]) -> CalibrationRun:
    """The run, every figure checked. Raises TrialError when no load gave enough answers."""
    if not points:
        raise TrialError("no load gave enough answers to measure; raise --seconds")
    read = sorted((CalibrationPoint.model_validate(point) for point in points), key=lambda point: point.concurrency)
    for point in read:
        Observation(**point.model_dump(by_alias=False))
    return CalibrationRun(
        time=rfc3339(time.time()),
        gpu=running.gpu,
        tensor_parallel=running.tensor_parallel,
        pipeline_parallel=running.pipeline_parallel,
        points=read,
    )


def status_of(namespace: str, name: str, run: CalibrationRun) -> Object:
    """What is applied to the status: this field alone, so that the operator keeps its own."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"namespace": namespace, "name": name},
        "status": {"calibration": run.model_dump(by_alias=True)},
    }
