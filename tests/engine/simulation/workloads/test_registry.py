"""What holds for every named workload."""

import numpy as np
import pytest

from rorqual_engine.simulation.opening import opening
from rorqual_engine.simulation.workloads import POOLS, WORKLOADS, pool, workload

SHORT = [name for name in WORKLOADS if not name.startswith("servegen")]
RECORDED = {"azure-conv", "azure-code"}


@pytest.mark.parametrize("name", WORKLOADS)
def test_requests_last_as_long_as_it_says(name: str):
    assert workload(name).draw(0).duration_seconds == pytest.approx(workload(name).duration_seconds)


@pytest.mark.parametrize("name", SHORT)
def test_the_same_seed_gives_the_same_requests(name: str):
    one, same = workload(name).draw(7), workload(name).draw(7)
    for column in ("arrival_seconds", "input_tokens", "output_tokens", "cached_tokens"):
        assert np.array_equal(getattr(one, column), getattr(same, column))


@pytest.mark.parametrize("name", [name for name in SHORT if name not in RECORDED])
def test_another_seed_gives_other_requests(name: str):
    one, other = workload(name).draw(7), workload(name).draw(8)
    assert not np.array_equal(one.arrival_seconds[:50], other.arrival_seconds[:50])


@pytest.mark.parametrize("name", WORKLOADS)
def test_it_says_what_it_is(name: str):
    found = workload(name)
    assert found.name == name and found.description and found.source and found.starts and found.startup_seconds
    assert 0 < found.opening_seconds < found.duration_seconds


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("steady", 20.0),
        ("step", 4.0),
        ("step-startup", 2.0),
        ("ramp", 4.0),
        ("composition-shift", 8.0),
        ("cycles", 4.15),
    ],
)
def test_an_opening_comes_before_any_change(name: str, rate: float):
    """The cycle has turned by 0.15 requests/s on average in its first minute: 18*(1 - sin(x)/x), x = 0.314."""
    found = workload(name)
    seen = opening(found.draw(0), found.opening_seconds)
    assert seen.requests_per_second == pytest.approx(rate, abs=5 * (rate / seen.seconds) ** 0.5)


@pytest.mark.parametrize("name", POOLS)
def test_services_of_a_pool_are_independent_and_by_seed(name: str):
    (one, two), (same, _), (other, _) = (pool(name).draw(seed) for seed in (1, 1, 2))
    assert np.array_equal(one.arrival_seconds, same.arrival_seconds)
    assert not np.array_equal(one.arrival_seconds[:50], other.arrival_seconds[:50])
    assert not np.array_equal(one.input_tokens[:50], two.input_tokens[:50])


def test_services_of_the_shared_pool_need_about_the_same_together():
    counts = [np.histogram(one.arrival_seconds, np.arange(0, 3601, 300))[0] for one in pool("shared-pool").draw(0)]
    assert np.corrcoef(*counts)[0, 1] < -0.9
    together = (counts[0] + counts[1]) / 300
    assert together == pytest.approx(np.full(12, 44.0), rel=0.05)


@pytest.mark.parametrize(
    ("find", "name", "near"), [(workload, "gym-flatt", "gym-flat"), (pool, "scarce", "scarce-gpus")]
)
def test_an_unknown_name_is_refused_with_near_ones(find, name: str, near: str):
    with pytest.raises(ValueError, match=f"expected one such as .*{near}.*; found '{name}'"):
        find(name)
