"""`rorqual recommend`, as a user calls it."""

import json
import sys
from pathlib import Path

import hub_server
import pytest
import yaml
from click.testing import CliRunner, Result

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_operator.cli_recommend import IMPOSSIBLE, recommend

H100, A100 = "NVIDIA-H100-80GB-HBM3", "NVIDIA-A100-SXM4-80GB"
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
GPUS = ("--gpu", f"{H100}=2.50", "--gpu", f"{A100}=1.60")
GIVEN = ("--model", LLAMA, *GPUS, "--rate", "2", "--ttft", "5s", "--tpot", "80ms")
SERVICE = {
    "apiVersion": "rorqual.io/v1alpha1",
    "kind": "LLMService",
    "metadata": {"name": "chat", "namespace": "llm"},
    "spec": {
        "model": {"name": LLAMA, "maxContextTokens": 8192},
        "hardware": [{"gpu": H100, "costPerHour": "2.50"}, {"gpu": A100, "costPerHour": "1.60"}],
        "workload": {"requestsPerSecond": 2},
        "objectives": {"ttft": {"p95": "5s"}, "tpot": {"p95": "80ms"}},
    },
}


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(recommend, arguments, input=stdin)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "llmservice.yaml"
    path.write_text(yaml.safe_dump(SERVICE))
    return str(path)


def test_the_table_tells_what_is_chosen_with_its_bounds(file: str) -> None:
    done = run("-f", file)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith(f"{LLAMA}: ")
    chosen = next(line for line in lines if line.startswith("> "))
    assert chosen.count("[") == 3
    assert "Not taken:" in lines


def test_the_command_line_is_enough() -> None:
    done = run(*GIVEN)
    assert done.exit_code == 0, done.output
    assert "> 1 x " in done.output


def test_stdin_is_read() -> None:
    assert run("-f", "-", stdin=yaml.safe_dump(SERVICE)).exit_code == 0


def test_json_has_alternatives_and_the_front(file: str) -> None:
    found = json.loads(run("-f", file, "-o", "json").output)
    assert found["possible"] is True and found["name"] == "chat"
    assert found["alternatives"][0]["gpu"] == found["recommendation"]["gpu"]
    assert found["alternatives"][0]["notTaken"] == ""
    assert all(one["notTaken"] for one in found["alternatives"][1:])
    for point in found["front"]:
        for name in ("ttftP95Seconds", "tpotP95Seconds", "requestsPerSecond", "tokensPerSecond"):
            assert point[name]["low"] <= point[name]["value"] <= point[name]["high"]


def test_yaml_says_the_same_as_json(file: str) -> None:
    assert yaml.safe_load(run("-f", file, "-o", "yaml").output) == json.loads(run("-f", file, "-o", "json").output)


def test_the_manifest_is_complete_and_recommends_itself(file: str, tmp_path: Path) -> None:
    text = run("-f", file, "-o", "manifest").output
    made = yaml.safe_load(text)
    spec = LLMServiceSpec.model_validate(made["spec"])
    assert made["metadata"] == SERVICE["metadata"]
    assert spec.configuration.max_concurrent_sequences and spec.configuration.tensor_parallel
    again = tmp_path / "again.yaml"
    again.write_text(text)
    assert yaml.safe_load(run("-f", str(again), "-o", "manifest").output)["spec"] == made["spec"]


def test_options_win_over_the_file(file: str) -> None:
    found = json.loads(run("-f", file, "--gpu", A100, "-o", "json").output)
    assert {one["gpu"] for one in found["alternatives"]} == {A100}
    assert found["alternatives"][0]["costPerHour"] == 1.6


@pytest.fixture
def trace(tmp_path: Path) -> str:
    rows = [f"2024-01-01 00:00:{second:02},{100 * (second + 1)},{10 if second < 50 else 300}" for second in range(60)]
    path = tmp_path / "trace.csv"
    path.write_text("\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows]))
    return str(path)


def test_a_trace_fills_the_workload(file: str, trace: str) -> None:
    made = yaml.safe_load(run("-f", file, "--trace", trace, "-o", "manifest").output)["spec"]["workload"]
    assert made["inputTokens"] == 3050 and made["inputLengths"] == {"p50": 3000, "p90": 5400, "p95": 5700, "p99": 6000}
    assert made["requestsPerSecond"] == 1.0
    again = yaml.safe_load(run("-f", file, "--trace", trace, "--rate", "3", "-o", "manifest").output)
    assert again["spec"]["workload"] == {**made, "requestsPerSecond": 3.0}


def test_the_table_and_json_say_which_spread_was_used(file: str, trace: str) -> None:
    assert "Azure's trace of 2023, for want of workload.inputLengths" in run("-f", file).output
    traced = run("-f", file, "--trace", trace).output
    assert "a prompt of 1.87 times the mean (workload.inputLengths)" in traced
    assert "(workload.outputLengths)" in traced
    assert "1.87 times" in json.loads(run("-f", file, "--trace", trace, "-o", "json").output)["lengths"]


def test_the_front_becomes_a_picture(file: str, tmp_path: Path) -> None:
    picture = tmp_path / "front.png"
    assert run("-f", file, "--plot", str(picture)).exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_is_impossible_has_its_own_exit_status() -> None:
    done = run(*GIVEN[:-1], "1ms")
    assert done.exit_code == IMPOSSIBLE
    assert "tpot.p95 binds: it would hold with" in done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "give an LLMService with -f, or --model and --gpu"),
        (("--model", LLAMA), "spec.hardware: Field required"),
        (("--model", "no/such-model", "--gpu", H100), "UnknownModel"),
        (("--model", LLAMA, "--gpu", "GTX"), "UnknownGPU"),
        ((*GIVEN, "--input-tokens", "0"), "spec.workload.inputTokens: Input should be greater than or equal to 1"),
        ((*GIVEN, "--rate", "nan"), "spec.workload.requestsPerSecond"),
        ((*GIVEN, "--rate", "inf"), "spec.workload.requestsPerSecond"),
        ((*GIVEN, "--rate", "-1"), "spec.workload.requestsPerSecond"),
        ((*GIVEN, "--tpot", "fast"), "spec.objectives.tpot.p95"),
        ((*GIVEN, "--confidence", "1"), "--confidence"),
        (("-f", "missing.yaml"), "missing.yaml: cannot be read"),
        ((*GIVEN, "--trace", "missing.csv"), "missing.csv: cannot be read"),
        ((*GIVEN, "--oracle", "aiconfigurator"), "--oracle needs --oracle-python"),
        (
            (*GIVEN, "--oracle", "aiconfigurator", "--oracle-python", "none"),
            "none: expected the Python of an environment",
        ),
        ((*GIVEN[:-4], "--oracle", "aiconfigurator", "--oracle-python", "none"), "--oracle needs objectives"),
        ((*GIVEN, "--trace", "missing.csv", "--input-tokens", "9"), "--trace tells the lengths: give it, or"),
    ],
)
def test_bad_input_is_an_error_and_no_number(arguments: tuple[str, ...], told: str) -> None:
    done = run(*arguments)
    assert done.exit_code in (1, 2)
    assert told in done.output
    assert "> " not in done.output


@pytest.mark.parametrize("text", ["kind: Pod", "", "a: [", "- 1"])
def test_a_file_without_a_service_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    done = run("-f", str(path))
    assert done.exit_code == 1
    assert "x.yaml" in done.output


def test_a_config_json_may_stand_for_the_catalog(tmp_path: Path) -> None:
    figures = {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32}
    more = {"num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 8192, "model_type": "llama"}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({**figures, **more}))
    asked = ("--model", "acme/new", "--config-json", str(config), *GPUS, "--rate", "2", "-o", "manifest")
    done = run(*asked)
    assert done.exit_code == 0, done.output
    spec = LLMServiceSpec.model_validate(yaml.safe_load(done.stdout)["spec"])
    assert spec.model.config_json is not None and json.loads(spec.model.config_json)["num_hidden_layers"] == 32


NEW = {"name": "acme/new", "configJsonFrom": {"configMapKeyRef": {"name": "acme"}}}
MAP = {"kind": "ConfigMap", "metadata": {"name": "acme"}, "data": {"config.json": hub_server.CONFIG}}


def with_config_map(*others: object) -> str:
    service = {**SERVICE, "spec": {**SERVICE["spec"], "model": NEW}}  # type: ignore[dict-item]
    return yaml.safe_dump_all([*others, service])


def test_a_config_map_in_the_same_file_is_read() -> None:
    done = run("-f", "-", "-o", "manifest", stdin=with_config_map(MAP))
    assert done.exit_code == 0, done.output
    assert yaml.safe_load(done.stdout)["spec"]["model"]["configJsonFrom"] == NEW["configJsonFrom"]


def test_a_config_map_that_the_api_server_would_refuse_is_an_error() -> None:
    done = run("-f", "-", stdin=with_config_map({**MAP, "data": {"config.json": {"hidden_size": 1}}}))
    assert done.exit_code == 1
    assert "ConfigMap acme: key config.json is a dict; expected text" in done.output


def test_a_config_map_that_is_not_in_the_file_is_an_error() -> None:
    done = run("-f", "-", stdin=with_config_map({**MAP, "metadata": {"name": "other"}}))
    assert done.exit_code == 1
    assert "ModelConfigUnavailable: spec.model.configJsonFrom: ConfigMap acme: not in the file" in done.output


def test_a_config_json_stands_for_the_config_map(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(hub_server.CONFIG)
    done = run("-f", "-", "--config-json", str(config), stdin=with_config_map())
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--hub", "--config-json", "c.json", *GIVEN), "--config-json and --hub exclude each other"),
        (("--revision", "v2", *GIVEN), "--revision goes with --hub"),
        (("--hub", *GPUS), "--hub needs a model"),
    ],
)
def test_what_goes_with_the_hub(arguments: tuple[str, ...], told: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2 and told in done.output


def test_without_the_library_the_hub_is_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    done = run("--hub", *GIVEN)
    assert done.exit_code == 1 and "pip install 'rorqual[hub]'" in done.output


def test_a_config_json_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    done = run("--model", "acme/new", "--config-json", str(tmp_path / "none.json"), *GPUS)
    assert done.exit_code == 1 and "none.json: cannot be read" in done.output


@pytest.fixture
def staged(tmp_path: Path) -> str:
    path = tmp_path / "staged.yaml"
    spec = {**SERVICE["spec"], "configuration": {"pipelineParallel": 2}}  # type: ignore[dict-item]
    path.write_text(yaml.safe_dump({**SERVICE, "spec": spec}))
    return str(path)


def test_stages_stand_in_the_table(staged: str) -> None:
    lines = run("-f", staged).output.splitlines()
    chosen = next(line for line in lines if line.startswith("> "))
    assert " in 2 stages" in lines[0] and " in 2 stages" in chosen
    assert any(line.startswith("pin: configuration.pipelineParallel fixes 2") for line in lines)


def test_stages_stand_in_json_and_count_in_cost(staged: str) -> None:
    found = json.loads(run("-f", staged, "-o", "json").output)
    assert found["recommendation"]["pipelineParallel"] == 2
    for one in found["alternatives"]:
        price = {H100: 2.5, A100: 1.6}[one["gpu"]]
        assert one["costPerHour"] == pytest.approx(one["tensorParallel"] * 2 * price * one["replicas"])


def test_stages_stand_in_the_manifest(staged: str) -> None:
    spec = LLMServiceSpec.model_validate(yaml.safe_load(run("-f", staged, "-o", "manifest").output)["spec"])
    assert spec.configuration.pipeline_parallel == 2 and spec.configuration.tensor_parallel


def test_more_stages_than_layers_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "many.yaml"
    spec = {**SERVICE["spec"], "configuration": {"pipelineParallel": 40}}  # type: ignore[dict-item]
    path.write_text(yaml.safe_dump({**SERVICE, "spec": spec}))
    done = run("-f", str(path))
    assert done.exit_code == 1 and "40 stages are more than the 32 layers" in done.output


@pytest.fixture
def oracle(tmp_path: Path) -> tuple[str, ...]:
    """A program in place of AIConfigurator: it knows H100s alone."""
    program = tmp_path / "python"
    known = {"ttft": 0.02, "tpot": 0.004, "seconds": 1}
    program.write_text(
        f"""#!{sys.executable}
import json, sys
for line in sys.stdin:
    print(json.dumps({known} if json.loads(line)["system"] == "h100_sxm" else dict(error="no data", seconds=1)))
"""
    )
    program.chmod(0o755)
    return "--oracle", "aiconfigurator", "--oracle-python", str(program)


def test_the_table_tells_which_figures_an_oracle_gave(oracle: tuple[str, ...]) -> None:
    done = run(*GIVEN, *oracle)
    assert done.exit_code == 0, done.output
    rows = [line for line in done.stdout.splitlines() if " x NVIDIA-" in line and "[" in line]
    assert [line for line in rows if H100 in line and line.endswith("AIConfigurator")]
    assert all(line.rstrip().endswith("law") for line in rows if A100 in line)
    assert "the others are by the law, and so are all bounds" in done.stdout
    assert "AIConfigurator has no answer for" in done.stderr and "no data" in done.stderr


def test_json_tells_the_basis_too(oracle: tuple[str, ...]) -> None:
    bases = {
        (one["gpu"], one["basis"]) for one in json.loads(run(*GIVEN, *oracle, "-o", "json").stdout)["alternatives"]
    }
    assert (H100, "AIConfigurator") in bases and {basis for gpu, basis in bases if gpu == A100} == {"law"}


def test_an_oracle_is_not_asked_of_a_model_that_the_spec_describes(oracle: tuple[str, ...], tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text("{}")
    done = run(*GIVEN, *oracle, "--config-json", str(config))
    assert done.exit_code == 2 and "--oracle knows models by name alone" in done.output
