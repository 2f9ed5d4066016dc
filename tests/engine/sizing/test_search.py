"""The search: what is chosen, why the others fell, and what is said when nothing will do."""

from dataclasses import replace

import numpy as np
import pytest

from rorqual_engine import catalog
from rorqual_engine.plan import Reason
from rorqual_engine.sizing.explain import explain_impossible
from rorqual_engine.sizing.front import pareto_front, undominated
from rorqual_engine.sizing.grid import explore, mean_busy
from rorqual_engine.sizing.objectives import CONFIDENCE, deviations, probability, read_objectives
from rorqual_engine.sizing.recommend import ask
from rorqual_engine.sizing.search import search

from ..builders import A100, H100, L4, LLAMA_8B, LLAMA_70B, a_node, a_spec
from .cases import case_of, recommended

EASY = {"ttft": {"p95": "10s"}, "tpot": {"p95": "100ms"}}
NODES = (a_node("h", gpu=H100), a_node("a", gpu=A100), a_node("l", gpu=L4))


def priced(model=LLAMA_8B, prices=((H100, "2.50"), (A100, "1.60"), (L4, "0.70")), **parts):
    hardware = [{"gpu": gpu, "costPerHour": price} for gpu, price in prices]
    usual = {"objectives": EASY, "workload": {"requestsPerSecond": 4}}
    return a_spec(model, **{**usual, **parts, "hardware": hardware})


def question_of(spec, nodes=NODES):
    return ask(case_of(spec, nodes))


def test_the_cheapest_that_meets_the_objectives_is_chosen():
    answer = search(question_of(priced()))
    assert answer.best is not None and answer.best.meets
    costs = [one.expected.cost_per_hour for one in answer.alternatives if one.meets]
    assert costs[0] == min(costs) and len(costs) > 1


def test_replicas_serve_the_rate_also_at_the_lower_bound():
    best = search(question_of(priced(workload={"requestsPerSecond": 40}, scaling={"maxReplicas": 100}))).best
    assert best is not None and best.meets
    rate, expected = 40, best.expected
    assert expected.replicas * expected.requests_per_second.value > rate
    assert (expected.replicas - 1) * expected.requests_per_second.low < rate


def test_every_objective_is_kept_with_the_confidence():
    best = search(question_of(priced())).best
    assert best is not None and best.expected.confidence is not None
    assert best.expected.confidence >= CONFIDENCE


def test_more_confidence_never_gives_more_sequences():
    question = question_of(priced(prices=((H100, "2.5"),), objectives={"tpot": {"p95": "25ms"}}))
    loose, strict = (search(replace(question, confidence=sure)).best for sure in (0.6, 0.99))
    assert loose is not None and strict is not None
    assert (strict.configuration.max_concurrent_sequences or 0) <= (loose.configuration.max_concurrent_sequences or 0)


def test_a_stricter_tpot_gives_fewer_sequences_a_replica():
    found = [
        recommended(priced(prices=((H100, "2.5"),), objectives={"tpot": {"p95": limit}}), NODES).configuration
        for limit in ("100ms", "15ms")
    ]
    assert found[0].max_concurrent_sequences > found[1].max_concurrent_sequences


def test_without_a_price_the_order_of_hardware_decides():
    spec = a_spec(gpus=(A100, H100), objectives=EASY)
    assert recommended(spec, NODES).configuration.gpu == A100


def test_what_runs_is_kept_while_it_meets_the_objectives():
    running = recommended(priced(prices=((A100, "9"),)), NODES).configuration
    found = recommended(priced(prices=((H100, "2.5"), (A100, "9"))), NODES, running)
    assert found.configuration.gpu == A100


def test_what_the_cluster_lacks_comes_last_at_any_price():
    found = recommended(priced(prices=((H100, "0.01"), (A100, "9"))), (a_node(gpu=A100),))
    assert found.configuration.gpu == A100


def test_an_impossible_objective_names_what_binds_and_what_would_do():
    question = question_of(priced(objectives={"ttft": {"p95": "10s"}, "tpot": {"p95": "1ms"}}))
    answer = search(question)
    assert not answer.possible
    text = explain_impossible(question, answer)
    assert "tpot.p95 binds: it would hold with" in text
    assert "instead of 70%" in text


def test_an_impossible_rate_says_how_many_replicas_it_takes():
    question = question_of(priced(workload={"requestsPerSecond": 5000}))
    text = explain_impossible(question, search(question))
    assert "8 are allowed" in text and "The rate binds" in text


def test_an_impossible_objective_still_gets_a_configuration():
    found = recommended(priced(objectives={"tpot": {"p95": "1ms"}}), NODES)
    assert found.problem is Reason.OBJECTIVES_OUT_OF_REACH
    assert "comes nearest" in found.explanation


def test_every_other_alternative_has_a_reason():
    found = recommended(priced(LLAMA_70B), NODES)
    assert any("1 x NVIDIA-H100-80GB-HBM3: needs" in reason for reason in found.rejected)
    assert any(A100 in reason for reason in found.rejected)


def test_a_gpu_of_unknown_speed_is_sized_by_memory_and_says_so():
    spec = a_spec(gpus=("Some-GPU",), objectives=EASY)
    found = recommended(spec, (a_node(gpu="Some-GPU", memory_mib=81920),))
    assert found.problem is Reason.SPEED_UNKNOWN
    assert found.expected is None
    assert "Some-GPU, so the objectives cannot be checked" in found.explanation


def test_without_objectives_the_first_that_fits_is_taken_and_its_speed_told():
    found = recommended(a_spec(gpus=(A100, H100)), NODES)
    assert (found.configuration.gpu, found.configuration.tensor_parallel) == (A100, 1)
    assert found.configuration.max_concurrent_sequences == 256
    assert found.expected is not None and found.expected.confidence is None


def test_a_pin_is_kept_and_its_cost_told():
    found = recommended(priced(configuration={"tensorParallel": 4}), NODES)
    assert found.configuration.tensor_parallel == 4
    assert "without pins: " in found.pins[-1] and "an hour" in found.pins[-1]


def test_a_pin_that_would_be_chosen_anyhow_costs_nothing():
    free = recommended(priced(), NODES).configuration
    pinned = recommended(priced(configuration={"tensorParallel": free.tensor_parallel}), NODES)
    assert pinned.pins[-1].startswith("pins cost nothing")


def test_a_shared_gpu_is_paid_for_by_its_share_and_several_fit():
    spec = priced("meta-llama/Llama-3.2-1B", prices=((H100, "2.50"),), sharing={"scheme": "HAMi"},
                  workload={"requestsPerSecond": 0.5, "inputTokens": 256, "outputTokens": 64})  # fmt: skip
    found = recommended(spec, NODES)
    assert found.problem is None and found.expected is not None
    share = found.configuration.gpu_memory_share
    assert share is not None and share <= 0.5
    assert found.expected.cost_per_hour == pytest.approx(2.5 * share)


def test_a_mig_slice_is_slower_and_cheaper_than_the_gpu():
    sharing = {"scheme": "MIG", "resource": "nvidia.com/mig-3g.40gb"}
    whole = recommended(priced(prices=((A100, "2"),)), NODES).expected
    part = recommended(priced(prices=((A100, "2"),), sharing=sharing), NODES).expected
    assert whole is not None and part is not None
    assert part.requests_per_second.value < whole.requests_per_second.value
    assert part.cost_per_hour is not None and part.cost_per_hour / part.replicas < 2


def test_the_front_holds_what_nothing_beats():
    front = pareto_front(question_of(priced()))
    assert 1 < len(front.points) < front.explored


def test_undominated_rows():
    figures = np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0], [1.0, 2.0]])
    assert undominated(figures).tolist() == [True, True, False, True]


def test_mean_busy_leaves_room_for_poisson_peaks():
    busy = mean_busy(np.array([1.0, 64.0]))
    assert busy + 1.645 * np.sqrt(busy) == pytest.approx([1.0, 64.0])


def test_objectives_are_read_in_seconds():
    found = read_objectives(a_spec(objectives={"ttft": {"p95": "2s"}, "tpot": {"p50": "50ms"}}))
    assert [(str(one), one.seconds) for one in found] == [("ttft.p95", 2.0), ("tpot.p50", 0.05)]


def test_confidence_is_shared_among_objectives():
    assert deviations(0.9, 2) > deviations(0.9, 1) > 1.2
    with pytest.raises(ValueError, match=r"at least 0\.5 and below 1"):
        deviations(1.0, 1)


def test_probability_is_a_half_at_the_prediction():
    assert probability(1.0, 1.3, 1.0) == pytest.approx(0.5)
    assert probability(1.0, 1.3, 1.3) == pytest.approx(0.95)


def test_ten_kinds_of_gpu_are_searched():
    known = [gpu for gpu in catalog.gpu_products() if (one := catalog.gpu(gpu)) and one.bandwidth_gb_per_second][:10]
    grid = explore(question_of(a_spec(gpus=tuple(known), objectives=EASY), ()))
    assert {shape.offer.gpu.product for shape in grid.shapes} == set(known)
    assert np.isfinite(grid.ttft.value).all() and (grid.tpot.low > 0).all()
