import pytest

from rorqual_engine import catalog


def test_a_model_is_found_by_name_alias_and_variant():
    base = catalog.model("meta-llama/Llama-3.1-8B")
    alias = catalog.model("meta-llama/Llama-3.1-8B-Instruct")
    variant = catalog.model("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16")
    assert base is not None and alias is not None and variant is not None
    assert base.facts == alias.facts == variant.facts
    assert (base.quantization, variant.quantization) == ("none", "gptq")


def test_the_case_of_letters_does_not_matter():
    assert catalog.model("QWEN/qwen3-8b") == catalog.model("Qwen/Qwen3-8B") is not None


def test_an_unknown_model_has_near_ones():
    assert catalog.model("meta-llama/Llama3.1-8B-Instruct") is None
    assert catalog.near_models("meta-llama/Llama3.1-8B-Instruct")[0] == "meta-llama/Llama-3.1-8B-Instruct"
    assert catalog.near_models("zzz") == ()


def test_a_gpu_has_less_usable_memory_than_its_label_says():
    gpu = catalog.gpu("NVIDIA-H100-80GB-HBM3")
    assert gpu is not None
    assert gpu.usable_bytes == int(79.19 * 2**30) < gpu.memory_mib * 2**20


def test_a_gpu_that_the_catalog_lacks_is_described_by_its_label():
    assert catalog.gpu("NVIDIA-H300") is None
    small = catalog.gpu("NVIDIA-X", memory_mib=24576)
    large = catalog.gpu("NVIDIA-H300", memory_mib=200_000)
    assert small is not None and large is not None
    assert (small.batch_class, large.batch_class) == ("small", "large")
    assert small.usable_bytes == int(23.3 * 2**30)


def test_the_catalog_wins_over_a_label():
    known = catalog.gpu("NVIDIA-L4", memory_mib=1)
    assert known is not None and known.memory_mib == 23034


@pytest.mark.parametrize(
    ("version", "share", "in_share"),
    [
        ("0.9.2", 0.90, False),
        ("0.17.0", 0.90, False),
        ("0.19.0", 0.90, False),
        ("0.19.1.post1", 0.90, False),
        ("0.21.0-rc1", 0.92, True),
        ("1.0.0", 0.92, True),
    ],
)
def test_rules_follow_the_version(version, share, in_share):
    rules = catalog.runtime_version("vLLM", version)
    assert (rules.default_share, rules.graphs_in_share) == (share, in_share)


def test_0_9_is_older_than_0_17():
    old, new = catalog.runtime_version("vLLM", "0.9.0"), catalog.runtime_version("vLLM", "0.17.0")
    assert old.sampler_bytes_per_logit > new.sampler_bytes_per_logit
