"""Which of the listed kinds of GPU is taken."""

from rorqual_engine.plan import Configuration, Reason

from ..builders import A100, H100, L4, LLAMA_70B, a_node, a_spec
from .cases import configuration, stalled

BOTH = a_spec(gpus=(A100, H100))


def test_the_first_that_is_there():
    assert configuration(BOTH, (a_node(gpu=H100),)).gpu == H100
    assert configuration(BOTH, (a_node("a", gpu=H100), a_node("b", gpu=A100))).gpu == A100


def test_the_first_when_none_is_there():
    assert configuration(BOTH, (a_node(gpu=L4),)).gpu == A100


def test_a_full_node_is_there_too():
    assert configuration(BOTH, (a_node(gpu=A100, used=8), a_node("b", gpu=H100))).gpu == A100


def test_the_first_that_fits():
    spec = a_spec(LLAMA_70B, gpus=(L4, H100))
    nodes = (a_node("a", gpu=L4, gpus=2), a_node("b", gpu=H100))
    assert configuration(spec, nodes).gpu == H100


def test_what_runs_is_kept_while_it_is_listed():
    nodes = (a_node("a", gpu=A100), a_node("b", gpu=H100))
    assert configuration(BOTH, nodes, Configuration(H100, 1)).gpu == H100
    assert configuration(BOTH, nodes, Configuration(L4, 1)).gpu == A100


def test_what_runs_is_kept_when_its_nodes_are_gone():
    assert configuration(BOTH, (a_node(gpu=A100),), Configuration(H100, 1)).gpu == H100


def test_a_kind_with_no_replicas_is_passed_over():
    hardware = [{"gpu": A100, "maxReplicas": 0}, {"gpu": H100}]
    assert configuration(a_spec(hardware=hardware), (a_node(gpu=A100),)).gpu == H100


def test_only_kinds_with_no_replicas_is_an_invalid_spec():
    found = stalled(a_spec(hardware=[{"gpu": A100, "maxReplicas": 0}]))
    assert found.reason is Reason.INVALID_SPEC
    assert "maxReplicas 0" in found.message


def test_a_label_describes_what_the_catalog_lacks():
    spec = a_spec(gpus=("NVIDIA-H300",))
    assert configuration(spec, (a_node(gpu="NVIDIA-H300", memory_mib=200_000),)).gpu == "NVIDIA-H300"


def test_a_gpu_that_nobody_describes_stalls():
    found = stalled(a_spec(gpus=("NVIDIA-H300",)), (a_node(gpu="NVIDIA-H300"),))
    assert found.reason is Reason.UNKNOWN_GPU
    assert "NVIDIA-H300" in found.message and "nvidia.com/gpu.memory" in found.message


def test_one_unknown_kind_among_known_ones_is_passed_over():
    assert configuration(a_spec(gpus=("NVIDIA-H300", H100))).gpu == H100
