import pytest

from rorqual_engine.plan import Reason, Stall
from rorqual_engine.sizing.pins import Pins, parse_arguments, read_pins

from ..builders import LLAMA_8B, a_spec


def pins(**parts) -> Pins:
    found = read_pins(a_spec(**parts))
    assert isinstance(found, Pins), found
    return found


def pinned_by(*arguments: str) -> Pins:
    return pins(engine={"extraArgs": list(arguments)})


def test_nothing_is_pinned_by_default():
    assert pins() == Pins()


def test_fields_of_the_spec_pin():
    found = pins(
        model={"name": LLAMA_8B, "maxContextTokens": 4096},
        configuration={"tensorParallel": 2, "gpuMemoryShare": 0.5, "maxConcurrentSequences": 64},
    )
    assert (found.tensor_parallel, found.gpu_memory_share) == (2, 0.5)
    assert (found.max_concurrent_sequences, found.max_context_tokens) == (64, 4096)
    assert found.describe() == (
        "configuration.tensorParallel fixes 2",
        "configuration.gpuMemoryShare fixes 0.5",
        "configuration.maxConcurrentSequences fixes 64",
        "model.maxContextTokens fixes 4096",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("--max-num-seqs", "32"),
        ("--max-num-seqs=32",),
        ("--max_num_seqs=32",),
        ("--max-num-seqs 32",),
        ("--enable-prefix-caching", "--max-num-seqs", "32", "--seed", "1"),
        ("--max-num-seqs", "16", "--max-num-seqs", "32"),
    ],
)
def test_arguments_pin_in_every_spelling(arguments):
    assert pinned_by(*arguments).max_concurrent_sequences == 32


@pytest.mark.parametrize(("flag", "name"), [("-tp", "tensor_parallel"), ("-pp", "pipeline_parallel")])
def test_the_short_forms_of_degrees_pin(flag, name):
    assert getattr(pinned_by(flag, "4"), name) == 4


def test_a_tensor_degree_alone_fixes_one_stage():
    assert pins().stages is None
    assert pinned_by("-tp", "4").stages == 1
    assert pinned_by("-tp", "4", "--pipeline-parallel-size=2").stages == 2


@pytest.mark.parametrize(("text", "tokens"), [("8192", 8192), ("32k", 32_000), ("32K", 32_768), ("0.5m", 500_000)])
def test_a_context_may_be_written_short(text, tokens):
    assert pinned_by("--max-model-len", text).max_context_tokens == tokens


def test_arguments_win_over_fields():
    found = pins(configuration={"gpuMemoryShare": 0.5}, engine={"extraArgs": ["--gpu-memory-utilization=0.8"]})
    assert found.gpu_memory_share == 0.8
    assert found.describe() == ("engine.extraArgs --gpu-memory-utilization fixes 0.8",)


@pytest.mark.parametrize(
    "argument", ["--max-num-seqs", "--max-num-seqs=many", "--max-num-seqs=0", "--gpu-memory-utilization=1.5"]
)
def test_an_argument_without_a_readable_value_is_refused(argument):
    found = read_pins(a_spec(engine={"extraArgs": [argument]}))
    assert isinstance(found, Stall)
    assert found.reason is Reason.INVALID_SPEC
    assert argument.partition("=")[0] in found.message


def test_a_negative_number_is_a_value():
    assert parse_arguments(["--seed", "-1", "--flag"], {}) == {"--seed": "-1", "--flag": ""}
