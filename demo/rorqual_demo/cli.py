"""`rorqual demo`: the main job, visible."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.markdown import Markdown

from rorqual_demo.display import Display, LineDisplay, choose_display
from rorqual_demo.errors import DemoError
from rorqual_demo.outputs import Outputs
from rorqual_demo.picture import check_drawable
from rorqual_demo.plan import Plan, Request, make_plan
from rorqual_demo.session import Result, perform
from rorqual_demo.steps import step
from rorqual_sandbox.errors import SandboxError
from rorqual_sandbox.handle import Sandbox
from rorqual_sandbox.options import Engine, Options

SANDBOX = "demo"
_INTERRUPTED = 130


@click.command()
@click.option(
    "--engine",
    type=click.Choice([one.value for one in Engine]),
    default=Engine.SIM.value,
    show_default=True,
    help="What serves.",
)
@click.option("--minutes", type=click.FloatRange(min=0.2), default=4.0, show_default=True, help="Length of the replay.")
@click.option(
    "--compress", type=click.FloatRange(min=1), default=14.4, show_default=True, help="How much faster than it was."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-output"),
    show_default=True,
    help="Where picture, summary, frames and the operator's log go.",
)
@click.option("--manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Another LLMService.")
@click.option("--namespace", default="llm", show_default=True, help="Where it is applied.")
@click.option("--record", type=click.Path(dir_okay=False, path_type=Path), help="Also write the view as an SVG.")
@click.option("--keep", is_flag=True, help="Leave the sandbox and the service up.")
@click.option("--no-live", is_flag=True, help="Lines instead of the live view.")
def demo(
    engine: str,
    minutes: float,
    compress: float,
    out: Path,
    manifest: Path | None,
    namespace: str,
    record: Path | None,
    keep: bool,
    no_live: bool,
) -> None:
    """Replay a production trace against a sandbox and watch Rorqual scale the service.

    Everything runs on this machine: a real Kubernetes API server, the operator, and engines on loopback addresses.
    """
    console = Console()
    display = LineDisplay(console) if no_live else choose_display(console)
    try:
        check_drawable()
        plan = make_plan(Request(Engine(engine), minutes, compress, namespace, manifest))
        outputs = Outputs(out, record)
        out.mkdir(parents=True, exist_ok=True)
        with _terminable():
            result = _run(plan, display, console, outputs, _leave if keep else _take_down)
        _show(plan, outputs, result, console)
    except (DemoError, SandboxError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        console.print("interrupted; everything that the demo started has ended")
        sys.exit(_INTERRUPTED)


def _run(
    plan: Plan, display: Display, console: Console, outputs: Outputs, end: Callable[[Sandbox, Console], None]
) -> Result:
    """Sandbox up, the demo, sandbox down."""
    console.print(f"[bold]Starting the sandbox[/] [dim](state and logs: `rorqual sandbox status --name {SANDBOX}`)[/]")
    with _timed(console, "the sandbox is up"):
        sandbox = Sandbox.up(SANDBOX, options=Options(engine=plan.profile.engine))
    try:
        return asyncio.run(perform(plan, sandbox, display, console, outputs.operator_log))
    finally:
        end(sandbox, console)


def _take_down(sandbox: Sandbox, console: Console) -> None:
    with step(console, "taking the sandbox down"):
        sandbox.down()


def _leave(sandbox: Sandbox, console: Console) -> None:
    console.print(
        f"The sandbox stays up, without the operator. KUBECONFIG={sandbox.kubeconfig}\n"
        f"Take it down with: rorqual sandbox down --name {SANDBOX}",
        highlight=False,
    )


@contextmanager
def _timed(console: Console, done: str) -> Iterator[None]:
    """Like `step` without a spinner: the build has a progress display of its own."""
    begin = time.monotonic()
    yield
    console.print(f"[green]✓[/] {done} [dim]({time.monotonic() - begin:.1f} s)[/]", highlight=False)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo as Ctrl-C does: with everything taken down."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, _interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    os.kill(os.getpid(), signal.SIGINT)  # whoever handles Ctrl-C now, asyncio or Python, handles this too


def _show(plan: Plan, outputs: Outputs, result: Result, console: Console) -> None:
    console.print(Markdown(outputs.write(plan.scene, result)))
    console.print(
        f"\nWritten: {outputs.picture}, {outputs.report}, {outputs.frames}, {outputs.operator_log}", highlight=False
    )
