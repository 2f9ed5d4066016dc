"""What vLLM is told, by what the spec and the configuration say."""

import pytest

from rorqual_engine.plan import Configuration
from rorqual_operator.act.render import RenderError

from .builders import CONFIGURATION, GPU, engine, spec


def test_configuration_becomes_options() -> None:
    arguments = engine(spec())["args"]
    assert {"--max-num-seqs=256", "--gpu-memory-utilization=0.92", "--max-model-len=8192"} <= set(arguments)


def test_what_is_not_decided_is_left_to_vllm() -> None:
    arguments = " ".join(engine(spec(), Configuration(GPU, 1))["args"])
    for option in ("max-num-seqs", "gpu-memory", "max-model-len", "dtype", "quantization", "load-format"):
        assert option not in arguments


def test_bucket_uses_vllms_own_loader() -> None:
    found = engine(spec(model={"name": "m", "source": "s3://bucket/m"}))
    assert found["command"] == ["vllm", "serve", "s3://bucket/m"]
    assert "--load-format=runai_streamer" in found["args"]


@pytest.mark.parametrize("option", ["--port", "--port=1", "--uds=/x", "--ssl_keyfile=/k", "--ssl-certfile", "--port 1"])
def test_options_that_cut_it_off_are_refused(option: str) -> None:
    with pytest.raises(RenderError, match=r"engine\.extraArgs may not set --"):
        engine(spec(engine={"extraArgs": [option]}))


def test_stages_are_told_and_take_their_gpus() -> None:
    found = engine(spec(), Configuration(GPU, 2, pipeline_parallel=3))
    assert {"--tensor-parallel-size=2", "--pipeline-parallel-size=3"} <= set(found["args"])
    assert found["resources"]["limits"] == {"nvidia.com/gpu": "6"}


def test_one_stage_is_vllms_own_default() -> None:
    assert not any("pipeline" in text for text in engine(spec())["args"])


@pytest.mark.parametrize("extra", [["-pp", "4"], ["-pp=4"], ["--pipeline_parallel_size 4"]])
def test_stages_in_arguments_win_over_ours(extra: list[str]) -> None:
    staged = Configuration(GPU, 1, pipeline_parallel=2)
    assert "--pipeline-parallel-size=2" not in engine(spec(engine={"extraArgs": extra}), staged)["args"]


def test_stages_on_one_gpu_each_share_memory_too() -> None:
    found = engine(spec(), Configuration(GPU, 1, pipeline_parallel=2))
    assert {"name": "shared-memory", "mountPath": "/dev/shm"} in found["volumeMounts"]


@pytest.mark.parametrize("extra", [["-tp", "2"], ["-tp=2"], ["--tensor_parallel_size 2"], ["-q", "awq"]])
def test_short_and_odd_spellings_win_over_ours(extra: list[str]) -> None:
    arguments = engine(spec(model={"name": "m", "quantization": "fp8"}, engine={"extraArgs": extra}))["args"]
    ours = "--quantization=fp8" if "-q" in extra else "--tensor-parallel-size=1"
    assert ours not in arguments


def test_image_of_the_spec_wins() -> None:
    assert engine(spec(engine={"image": "mine:1"}))["image"] == "mine:1"
    assert engine(spec(engine={"version": "0.20.1"}))["image"] == "vllm/vllm-openai:v0.20.1"


@pytest.mark.parametrize(("version", "told"), [("0.17.9", False), ("0.18.0", True), ("1.0.0", True), ("0.9.2", False)])
def test_shutdown_timeout_from_0_18_on(version: str, told: bool) -> None:
    arguments = engine(spec(engine={"version": version}))["args"]
    assert any(text.startswith("--shutdown-timeout=") for text in arguments) == told


@pytest.mark.parametrize("quantization", ["awq", "gptq", "int8", "none"])
def test_quantisation_of_the_checkpoint_is_left_to_it(quantization: str) -> None:
    arguments = engine(spec(model={"name": "m", "quantization": quantization}))["args"]
    assert not any("quantization" in text for text in arguments)


def test_hami_limits_the_gpu_and_not_the_engine() -> None:
    found = engine(spec(sharing={"scheme": "HAMi"}), CONFIGURATION)
    assert found["resources"]["limits"] == {"nvidia.com/gpu": "1", "nvidia.com/gpumem-percentage": "92"}
    assert not any("gpu-memory-utilization" in text for text in found["args"])
