"""`rorqual simulate`, as a user calls it: on traces of a minute, so that only the kernel's compilation takes long."""

import gzip
import json
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from rorqual_engine.simulation.requests import requests_of
from rorqual_engine.simulation.workloads.registry import POOLS
from rorqual_engine.simulation.workloads.workload import Workload
from rorqual_operator.cli_simulate import simulate
from rorqual_operator.study import load

SERVICE = {
    "apiVersion": "rorqual.io/v1alpha1",
    "kind": "LLMService",
    "metadata": {"name": "talk"},
    "spec": {
        "model": {"name": "meta-llama/Llama-3.1-8B-Instruct", "maxContextTokens": 8192},
        "hardware": [{"gpu": "NVIDIA-H100-80GB-HBM3", "costPerHour": "2.50"}],
        "scaling": {"minReplicas": 1, "maxReplicas": 4},
    },
}
OWN = """
from rorqual_engine.simulation.policy import Decision

class Stairs:
    interval_seconds = 20

    def __init__(self, facts):
        pass

    def decide(self, view):
        return Decision(1 + int(view.now // 20), "one more <b>each</b> time")

class Broken(Stairs):
    def decide(self, view):
        return 1 / 0
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(simulate, [*arguments, "--jobs", "1"])


def refused(*arguments: str) -> str:
    """What is told, in one line and without a traceback."""
    done = run(*arguments)
    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)
    (line,) = done.output.splitlines()
    return line


@pytest.fixture
def trace(tmp_path: Path) -> str:
    path = tmp_path / "trace.csv"
    rows = (f"{at / 2},500,50" for at in range(120))
    path.write_text("\n".join(["arrival_s,input_tokens,output_tokens", *rows]))
    return str(path)


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return str(path)


@pytest.fixture
def service(tmp_path: Path) -> str:
    path = tmp_path / "llmservice.yaml"
    path.write_text(yaml.safe_dump(SERVICE))
    return str(path)


def test_the_table_has_a_line_a_policy_and_marks_the_frontier(trace: str, own: str) -> None:
    done = run("--trace", trace, "--policy", f"static,{own}:Stairs", "--startup", "1s")
    assert done.exit_code == 0, done.output
    assert "* static" in done.output
    assert f"  {own}:Stairs" in done.output and f"* {own}:Stairs" not in done.output
    assert "recorded, so every seed gives the same run" in done.output


def test_json_has_a_row_a_policy(trace: str, service: str) -> None:
    done = run("--trace", trace, "--service", service, "--policy", "rorqual,static", "-o", "json")
    rows = json.loads(done.stdout)
    assert {row["policy"] for row in rows} == {"rorqual", "static"}
    fixed = next(row for row in rows if row["policy"] == "static")
    assert fixed["gpu_hours"] == pytest.approx(59.5 / 3600)
    assert fixed["cost"] == pytest.approx(2.5 * 59.5 / 3600)
    assert fixed["scale_actions"] == fixed["reversals"] == 0
    assert fixed["good_rate"] > 0.9 and fixed["good_rate_ci"] is None


def test_seeds_give_an_interval() -> None:
    given = ("--workload", "gym-flat", "--start", "warm", "--policy", "static@replicas=8")
    done = run(*given, "--seeds", "2", "-o", "json")
    (row,) = json.loads(done.stdout)
    low, high = row["good_rate_ci"]
    assert row["seeds"] == 2 and row["workload"] == "gym-flat"
    assert 0 <= low <= row["good_rate"] <= high <= 1 and row["good_rate"] > 0


def test_a_packed_trace_is_the_same(trace: str) -> None:
    packed = Path(f"{trace}.gz")
    packed.write_bytes(gzip.compress(Path(trace).read_bytes()))
    rows = [
        json.loads(run("--trace", name, "--policy", "static", "-o", "json").stdout) for name in (trace, str(packed))
    ]
    assert rows[0][0]["ttft_p95"] == rows[1][0]["ttft_p95"]


def test_a_warm_start_has_what_the_opening_needs_and_a_cold_one_has_one(tmp_path: Path) -> None:
    path = tmp_path / "busy.csv"
    path.write_text("\n".join(["arrival_s,input_tokens,output_tokens", *(f"{n / 25},1000,200" for n in range(500))]))
    given = ("--trace", str(path), "--policy", "static")
    assert "warm start with 1," not in run(*given).output
    assert "cold start with 1," in run(*given, "--start", "cold").output


def test_few_gpus_hold_replicas_back(trace: str, own: str) -> None:
    given = ("--trace", trace, "--policy", f"{own}:Stairs", "-o", "json")
    (free,), (scarce,) = (json.loads(run(*given, *more).stdout) for more in ((), ("--gpus", "1")))
    assert scarce["gpu_hours"] == pytest.approx(59.5 / 3600)
    assert free["gpu_hours"] == pytest.approx((59.5 + 39.5 + 19.5) / 3600)
    assert free["scale_actions"] == scarce["scale_actions"] == 2


def test_explain_tells_changes_and_verbose_all(trace: str, own: str) -> None:
    given = ("--trace", trace, "--policy", f"{own}:Stairs", "--explain")
    told = run(*given).output
    assert "20 s    1 -> 2    one more <b>each</b> time" in told
    fixed = ("--trace", trace, "--policy", "keda-queue", "--explain")
    assert run(*fixed).output.count("1 -> 1") == 0 < run(*fixed, "-v").output.count("1 -> 1")


def test_explain_in_json(trace: str, own: str) -> None:
    (row,) = json.loads(run("--trace", trace, "--policy", f"{own}:Stairs", "--explain", "-o", "json").stdout)
    assert [(one["at"], one["before"], one["replicas"]) for one in row["decisions"]] == [(20, 1, 2), (40, 2, 3)]


def test_a_picture(trace: str, tmp_path: Path) -> None:
    picture = tmp_path / "out.png"
    done = run("--trace", trace, "--policy", "rorqual,static", "--plot", str(picture))
    assert done.exit_code == 0, done.output
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_page_stands_alone_and_escapes(tmp_path: Path, trace: str, own: str) -> None:
    odd = tmp_path / "<i>$&.py"
    odd.write_text(Path(own).read_text())
    page = tmp_path / "out.html"
    done = run("--trace", trace, "--policy", f"{odd}:Stairs,static", "--plot", str(page))
    assert done.exit_code == 0, done.output
    text = page.read_text("utf-8")
    assert "<i>" not in text and "&lt;i&gt;$&amp;.py" in text
    picture = text[text.index("<svg") : text.index("</svg>") + len("</svg>")]
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert 'src="http' not in text and "<link" not in text


def test_runs_in_other_processes_are_the_same(trace: str) -> None:
    given = ("--trace", trace, "--policy", "rorqual,static", "-o", "json")
    apart = CliRunner().invoke(simulate, [*given, "--jobs", "2"])
    assert json.loads(apart.stdout) == json.loads(run(*given).stdout)


def test_what_cannot_be_asked_for_is_told_in_a_line(trace: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("arrival_s,input_tokens,output_tokens\n0,10,10\n1,many,10\n")
    assert "nowhere.csv: cannot be read: No such file" in refused("--trace", "nowhere.csv")
    assert "bad.csv: line 3: expected" in refused("--trace", str(bad))
    assert "expected either --trace FILE or --workload NAME" in refused()
    assert "expected one such as step" in refused("--workload", "stepp")
    assert "nowhere.yaml: cannot be read" in refused("--trace", trace, "--service", "nowhere.yaml")


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("keda-qeue", "expected one such as keda-queue"),
        ("static@replica=4", "policy static@replica=4: settings replica: expected some of replicas"),
        ("static@replicas=many", "expected a number for replicas; found 'many'"),
        ("nowhere.py:Class", "expected a Python file nowhere.py, found none"),
        (",", "policy: expected names such as"),
    ],
)
def test_a_policy_that_is_not_there(trace: str, policy: str, told: str) -> None:
    assert told in refused("--trace", trace, "--policy", policy)


def test_a_policy_that_fails_is_told_with_its_place(trace: str, own: str) -> None:
    told = refused("--trace", trace, "--policy", f"{own}:Broken", "--startup-variation", "0.1", "--seeds", "1")
    assert "fails at 20 s in" in told and "own.py:15: ZeroDivisionError" in told


def test_a_service_that_cannot_be_sized(tmp_path: Path, trace: str) -> None:
    path = tmp_path / "unknown.yaml"
    body = {**SERVICE, "spec": {**SERVICE["spec"], "model": {"name": "no/such-model"}}}  # type: ignore[dict-item]
    path.write_text(yaml.safe_dump(body))
    assert "talk: UnknownModel" in refused("--trace", trace, "--service", str(path))


def test_the_extra_is_named(trace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rorqual_operator.cli_simulate.find_spec", lambda name: None if name == "numba" else object())
    assert "needs numba: pip install 'rorqual[simulate]'" in refused("--trace", trace)


def test_ray_is_named_where_it_is_missing(trace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "--ray needs Ray: pip install ray" in refused(
        "--trace", trace, "--policy", "static", "--seeds", "1", "--ray"
    )


def test_a_pool_has_rows_for_each_service_and_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two services on six GPUs, here of ten minutes; Rorqual decides for both at once."""
    short = replace(POOLS["scarce-gpus"], services=tuple(_short(one) for one in POOLS["scarce-gpus"].services))
    monkeypatch.setattr(load, "POOLS", {"scarce-gpus": short})
    given = ("--workload", "scarce-gpus", "--policy", "rorqual,static@replicas=2", "--seeds", "1", "--start", "cold")
    rows = json.loads(run(*given, "-o", "json", "--explain").stdout)
    assert [row["workload"] for row in rows[::2]] == ["scarce-gpus/all", "scarce-gpus/first", "scarce-gpus/second"]
    by_name = {(row["workload"].split("/")[1], row["policy"]): row for row in rows}
    parts = [by_name[name, "static@replicas=2"]["gpu_hours"] for name in ("first", "second")]
    assert by_name["all", "static@replicas=2"]["gpu_hours"] == pytest.approx(sum(parts))
    assert "decisions" in by_name["first", "rorqual"] and "decisions" not in by_name["all", "rorqual"]
    told = run(*given).output
    assert "6 GPUs in all" in told and "scarce-gpus/second" in told


def _short(one: Workload) -> Workload:
    return replace(
        one,
        make=lambda generator: requests_of(
            np.sort(generator.uniform(0, 120, 600)), np.full(600, 500), np.full(600, 50), 120.0
        ),
    )
