"""What is known of the speed of a GPU product."""

import pytest

from rorqual_engine import catalog
from rorqual_engine.sizing.performance import Load, predict
from rorqual_engine.sizing.speed import accelerator_of, generation, setting_of

from ..builders import LLAMA_70B, a_spec
from .cases import case_of


def gpu(product):
    found = catalog.gpu(product)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        ("NVIDIA-H100-80GB-HBM3", (1.0, 0.0)),
        ("NVIDIA-B200", (1.0, 0.0)),
        ("NVIDIA-L40S", (1.0, 0.2)),
        ("NVIDIA-A100-SXM4-80GB", (0.77, 0.2)),
        ("AMD_Instinct_MI300X_OAM", (1.0, 0.8)),
        ("Intel-Data-Center-GPU-Max-1550", (1.0, 1.5)),
    ],
)
def test_gpus_that_the_fit_has_not_seen_are_in_doubt(product, expected):
    assert generation(gpu(product)) == expected


def test_peaks_stay_those_of_the_data_sheet():
    a100 = accelerator_of(gpu("NVIDIA-A100-SXM4-80GB"), 1.0)
    assert a100 is not None and (a100.dense_tflops, a100.bandwidth_gb, a100.reached) == (312, 2039, 0.77)


@pytest.mark.parametrize("product", catalog.gpu_products())
def test_every_gpu_has_a_generation(product):
    reached, doubt = generation(gpu(product))
    assert 0 < reached <= 1 and doubt >= 0


def test_stages_are_in_doubt_for_no_measured_row_has_them():
    engine, h100 = case_of(a_spec(LLAMA_70B)).engine, gpu("NVIDIA-H100-80GB-HBM3")
    whole, staged = setting_of(engine, h100, 4, 64), setting_of(engine, h100, 2, 64, pipeline_parallel=2)
    assert whole is not None and staged is not None
    assert (whole.gpu.doubt, staged.gpu.doubt, staged.gpus) == (0.0, 0.2, 4)
    alone = Load(1, 1024, 256)
    assert predict(staged, alone).tpot_seconds.value > predict(whole, alone).tpot_seconds.value
