"""`rorqual calibrate` against a fake API server: what it measures, and what it leaves behind."""

import contextlib
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from rorqual_engine.plan import Replica
from rorqual_operator import cli_calibrate
from rorqual_operator.kube import DEPLOYMENTS, LLMSERVICES, PODS, NotFound, Object
from rorqual_operator.observe.cluster import to_trial
from rorqual_operator.trial import process
from rorqual_operator.trial.sweep import Sweep

from .builders import deployment_item, pod_item, service_item

LENGTHS = {"inputTokens": 128, "outputTokens": 32}
POINTS = [
    {**LENGTHS, "concurrency": 4.0, "ttftSeconds": 0.1, "tpotSeconds": 0.02, "requestsPerSecond": 5.5},
    {**LENGTHS, "concurrency": 1.0, "ttftSeconds": 0.05, "tpotSeconds": 0.01, "requestsPerSecond": 2.7},
]


class Api:
    """The API server of one service with one replica; keeps what is applied."""

    def __init__(self) -> None:
        self.applied: list[tuple[Object, str, str | None]] = []
        self.objects = {LLMSERVICES: service_item(), DEPLOYMENTS: deployment_item()}

    async def get(self, resource: Any, namespace: str, name: str) -> Object:
        if name != "chat":
            raise NotFound(404, "NotFound", f"no {name}")
        return self.objects[resource]

    async def list(self, resource: Any, namespace: str, **query: str) -> Object:
        assert resource is PODS
        return {"items": [pod_item("chat-0", podIP="127.0.1.2")]}

    async def apply(self, resource: Any, body: Object, manager: str, subresource: str | None = None) -> Object:
        self.applied.append((body, manager, subresource))
        return body


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    server = Api()

    async def connect(_: str | None) -> Any:
        return contextlib.nullcontext(server)

    monkeypatch.setattr(cli_calibrate.k8s, "connect", connect)
    return server


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[Sweep]:
    """The sweeps that were run; each gives POINTS."""
    found: list[Sweep] = []

    def run_here(sweep: Sweep, command: str) -> list[dict[str, float]]:
        found.append(sweep)
        return POINTS

    monkeypatch.setattr(process, "run_here", run_here)
    return found


def calibrate(*arguments: str) -> Result:
    return CliRunner().invoke(cli_calibrate.calibrate, arguments)


def test_what_was_measured_is_written_to_the_status_alone(api: Api, swept: list[Sweep]) -> None:
    done = calibrate("chat", "--concurrency", "1,4")
    assert done.exit_code == 0, done.output
    ((body, manager, subresource),) = api.applied
    assert (manager, subresource) == ("rorqual-calibrate", "status")
    assert list(body["status"]) == ["calibration"]
    assert [point["concurrency"] for point in body["status"]["calibration"]["points"]] == [1.0, 4.0]


def test_the_operator_reads_what_was_written(api: Api, swept: list[Sweep]) -> None:
    calibrate("chat")
    trial = to_trial(api.applied[0][0])
    assert trial is not None and len(trial.observations) == 2
    assert trial.observations[0].tpot_seconds == 0.01


def test_the_replica_is_asked_for_the_specs_workload(api: Api, swept: list[Sweep]) -> None:
    calibrate("chat", "--output-tokens", "64", "--seconds", "9")
    (sweep,) = swept
    assert (sweep.target, sweep.output_tokens, sweep.seconds) == ("http://127.0.1.2:8000", 64, 9)
    assert sweep.input_tokens == 1024


def test_a_dry_run_writes_nothing(api: Api, swept: list[Sweep]) -> None:
    done = calibrate("chat", "--dry-run")
    assert api.applied == []
    assert len(yaml.safe_load(done.stdout)["points"]) == 2


@pytest.mark.parametrize(("text", "told"), [("1,x", "expected whole numbers"), ("0,1", "at least 1")])
def test_bad_loads_are_refused(api: Api, swept: list[Sweep], text: str, told: str) -> None:
    done = calibrate("chat", "--concurrency", text)
    assert done.exit_code == 1 and told in done.output
    assert swept == []


def test_nan_is_no_measurement(api: Api, swept: list[Sweep], monkeypatch: pytest.MonkeyPatch) -> None:
    bad = [{**POINTS[0], "tpotSeconds": float("nan")}]
    monkeypatch.setattr(process, "run_here", lambda *_: bad)
    done = calibrate("chat")
    assert done.exit_code == 1
    assert api.applied == []


def test_no_answers_are_no_measurement(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run_here", lambda *_: [])
    assert "raise --seconds" in calibrate("chat").output


def test_an_unknown_service_is_an_error(api: Api) -> None:
    assert "NotFound (404): no other" in calibrate("other").output


@pytest.mark.parametrize("written", [{"gpu": "H100"}, {"gpu": "H", "tensorParallel": 1, "time": "t", "points": [{}]}])
def test_a_status_that_cannot_be_read_teaches_nothing(written: Object) -> None:
    assert to_trial({"metadata": {}, "status": {"calibration": written}}) is None


def test_a_run_is_of_the_stages_that_it_names() -> None:
    run = {"gpu": "H", "tensorParallel": 2, "time": "2026-01-01T00:00:00Z", "points": []}
    for stages, written in ((1, run), (3, {**run, "pipelineParallel": 3})):
        trial = to_trial({"metadata": {}, "status": {"calibration": written}})
        assert trial is not None and trial.replica == Replica("H", 2, stages)
