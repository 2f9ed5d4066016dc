"""vLLM's command line is understood in every form that manifests use."""

from __future__ import annotations

import pytest

from rorqual_sandbox.engines.command import parse_serve, parse_tokens
from rorqual_sandbox.engines.launch import LaunchRefusedError


@pytest.mark.parametrize(
    ("command", "args"),
    [
        (["vllm", "serve", "m", "--port", "9"], []),
        (["/usr/local/bin/vllm", "serve"], ["m", "--port=9"]),
        (["vllm"], ["serve", "--port", "9", "m"]),
        ([], ["m", "--port", "9"]),
        ([], ["--model", "m", "--port", "9"]),
        ([], ["vllm", "serve", "m", "--port", "9"]),
        (["python3", "-m", "vllm.entrypoints.openai.api_server"], ["--model=m", "--port=9"]),
        (["sh", "-c", "exec vllm serve m \\\n  --port 9"], []),
        (["/bin/bash", "-lc"], ["vllm serve m --port 9"]),
    ],
)
def test_every_form_gives_the_same_command(command: list[str], args: list[str]) -> None:
    parsed = parse_serve(command, args)
    assert (parsed.model, parsed.flags) == ("m", {"port": ("9",)})


def test_switches_and_lists_and_short_flags() -> None:
    words = [
        "vllm",
        "serve",
        "m",
        "--enforce-eager",
        "-tp",
        "2",
        "--served-model-name",
        "a",
        "b",
        "--max_num_seqs",
        "4",
    ]
    parsed = parse_serve(words, [])
    assert parsed.flags["enforce-eager"] == ()
    assert parsed.value("tensor-parallel-size") == "2"
    assert parsed.served_names == ("a", "b")
    assert parsed.value("max-num-seqs") == "4"


def test_the_model_is_the_served_name_by_default() -> None:
    assert parse_serve(["vllm", "serve", "org/m"], []).served_names == ("org/m",)


def test_a_value_may_begin_with_a_single_dash() -> None:
    assert parse_serve(["vllm", "serve", "m", "--max-model-len", "-1"], []).value("max-model-len") == "-1"


@pytest.mark.parametrize("words", [["python3", "app.py"], ["sh", "-c", "sleep 1"], ["vllm", "bench"]])
def test_other_commands_are_refused(words: list[str]) -> None:
    with pytest.raises(LaunchRefusedError, match="expected `vllm serve MODEL"):
        parse_serve(words, [])


def test_a_command_without_a_model_is_refused() -> None:
    with pytest.raises(LaunchRefusedError, match="no model"):
        parse_serve(["vllm", "serve", "--port", "8000"], [])


@pytest.mark.parametrize(
    ("text", "tokens"), [("8192", 8192), ("8k", 8000), ("8K", 8192), ("1.5K", 1536), ("auto", None), ("-1", None)]
)
def test_token_counts(text: str, tokens: int | None) -> None:
    assert parse_tokens(text) == tokens


def test_a_wrong_token_count_is_refused() -> None:
    with pytest.raises(LaunchRefusedError, match="max-model-len"):
        parse_tokens("many")
