"""The data files as a whole: what a wrong digit would break."""

import pytest

from rorqual_engine import catalog
from rorqual_engine.catalog import lookup
from rorqual_engine.catalog.entries import entries

ENTRIES = tuple(entries().values())
GPUS = tuple(gpu for product in catalog.gpu_products() if (gpu := catalog.gpu(product)))
each_model = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
each_gpu = pytest.mark.parametrize("gpu", GPUS, ids=lambda gpu: gpu.product)


def facts_of(name):
    found = catalog.model(name)
    assert found is not None
    return found.facts


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.published_parameters], ids=lambda entry: entry.name)
def test_counted_parameters_are_the_published_ones(entry):
    assert facts_of(entry.name).parameters == pytest.approx(entry.published_parameters, rel=2e-4)


@each_model
def test_every_model_can_be_read_and_says_where_it_is_from(entry):
    facts = facts_of(entry.name)
    assert facts.counts.total == facts.parameters
    assert 0 < facts.active_parameters <= facts.parameters
    assert entry.source


@each_model
def test_variants_are_stored_otherwise(entry):
    for variant in entry.variants:
        found = catalog.model(variant.name)
        assert found is not None
        assert found.quantization == variant.scheme != "none"


def test_no_name_means_two_models():
    names = [name.lower() for entry in ENTRIES for name in entry.names]
    assert sorted(set(names)) == sorted(names)


def test_no_label_means_two_gpus():
    names = [name.lower() for gpu in GPUS for name in (gpu.product, *gpu.aliases)]
    assert sorted(set(names)) == sorted(names)


def test_there_are_as_many_as_promised():
    assert len(ENTRIES) >= 60
    assert len(GPUS) >= 30
    assert {gpu.vendor for gpu in GPUS} == {"NVIDIA", "AMD", "Intel"}


def test_every_kind_of_architecture_is_there():
    kinds = {group.kind for entry in ENTRIES for group in facts_of(entry.name).attention}
    assert kinds == {"full", "sliding", "chunked", "latent", "linear"}
    assert any(facts_of(entry.name).experts for entry in ENTRIES)
    assert any(facts_of(entry.name).counts.encoder for entry in ENTRIES)


@each_gpu
def test_every_gpu_has_what_sizing_needs(gpu):
    assert gpu.bandwidth_gb_per_second and gpu.tflops and gpu.link and gpu.source
    assert gpu.usable_bytes < gpu.memory_mib * 2**20


@each_gpu
def test_a_narrower_precision_is_never_slower(gpu):
    if gpu.tflops.fp8:
        assert gpu.tflops.fp8 >= gpu.tflops.bf16
    if gpu.tflops.fp4:
        assert gpu.tflops.fp4 >= 2 * gpu.tflops.fp8


@each_gpu
def test_mig_instances_fit_into_the_gpu(gpu):
    for profile in gpu.mig:
        assert profile.instances * profile.memory_mib <= gpu.memory_mib
        assert profile.instances * profile.compute_slices <= 7


@each_gpu
def test_large_gpus_have_seventy_gib(gpu):
    if gpu.batch_class == "large":
        assert gpu.memory_mib >= lookup.LARGE_GPU_MIB


def test_rules_of_an_engine_are_in_order_and_begin_at_zero():
    versions = [lookup.release(rule.since) for rule in lookup.runtime("vLLM").versions]
    assert versions == sorted(versions)
    assert versions[0] == (0, 0, 0)
