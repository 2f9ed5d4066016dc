"""The restatement by hand, and beside Ray's own functions where ray is installed."""

from types import SimpleNamespace

import numpy as np
import pytest

from rorqual_engine.simulation.rivals.ray_serve import SEARCH, Deployment, RayServe, Settings, scale

from ..seeing import facts, view


@pytest.mark.parametrize(
    ("desired", "running", "factors", "expected"),
    [
        (6.2, 4, (1, 1), 7),
        (8.0, 4, (0.5, 1), 6),
        (2.0, 4, (1, 0.5), 3),
        (3.0, 4, (1, 0.2), 3),  # ceil(3.8) is 4: one less
        (3.5, 4, (1, 0.2), 4),  # ceil(3.5) is not below 4
        (3.0, 0, (9, 9), 3),
    ],
)
def test_factors_go_a_part_of_the_way(desired, running, factors, expected):
    assert scale(desired, running, Settings(upscaling_factor=factors[0], downscaling_factor=factors[1])) == expected


def decided(steps, settings=None):
    """For steps of (now, requests, running, target)."""
    deployment = Deployment(settings or Settings())
    return [deployment.decide(requests, running, target, now) for now, requests, running, target in steps]


def test_more_is_agreed_on_for_30_seconds():
    assert decided([(0, 8, 2, 2), (29, 8, 2, 2), (30, 10, 2, 2), (31, 12, 2, 5)]) == [2, 2, 5, 5]


def test_a_pause_begins_the_delay_anew():
    assert decided([(0, 8, 2, 2), (20, 4, 2, 2), (30, 8, 2, 2), (59, 8, 2, 2), (60, 8, 2, 2)]) == [2, 2, 2, 2, 4]


def test_less_is_agreed_on_for_600_seconds():
    assert decided([(0, 2, 4, 4), (599, 2, 4, 4), (600, 2, 4, 4)]) == [4, 4, 1]


def test_zero_is_reached_from_one_alone():
    settings = Settings(downscale_to_zero_delay_seconds=10)
    assert decided([(0, 0, 3, 3), (600, 0, 3, 3), (601, 0, 1, 1), (611, 0, 1, 1)], settings) == [3, 1, 1, 0]


def test_from_zero_it_starts_at_once():
    assert decided([(0, 5, 0, 0)], Settings(upscaling_factor=1.5)) == [2]
    assert decided([(0, 5, 0, 3)]) == [3]


def test_the_policy_means_over_30_seconds():
    policy = RayServe(facts(), upscale_delay_seconds=0)
    assert policy.decide(view([2], held=2, now=0)).replicas == 2
    assert policy.decide(view([6, 6], now=29)).replicas == 4  # (4 + 12)/2 of 2
    assert policy.decide(view([6, 6], now=31)).replicas == 6


def test_settings_to_search_begin_with_the_defaults():
    assert all(RayServe.__init__.__kwdefaults__[name] == values[0] for name, values in SEARCH.items())


SETTINGS = [
    Settings(),
    Settings(4.0, 0.5, 0.3, 5.0, 12.0),
    Settings(1.0, 2.5, 1.0, 0.0, 3.0, 7.0),
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_ray_decides_the_same(settings, monkeypatch):
    serve = pytest.importorskip("ray.serve.autoscaling_policy", reason="ray is not installed: pip install 'ray[serve]'")
    config = pytest.importorskip("ray.serve.config").AutoscalingConfig(
        min_replicas=0,
        max_replicas=20,
        target_ongoing_requests=settings.target_ongoing_requests,
        upscaling_factor=settings.upscaling_factor,
        downscaling_factor=settings.downscaling_factor,
        upscale_delay_s=settings.upscale_delay_seconds,
        downscale_delay_s=settings.downscale_delay_seconds,
        downscale_to_zero_delay_s=settings.downscale_to_zero_delay_seconds,
    )
    policy = serve._apply_autoscaling_config(serve.replica_queue_length_autoscaling_policy)
    ours, state, target = Deployment(settings), {}, 1
    generator = np.random.default_rng(1)
    level, changes = 0.0, 0
    for now in np.cumsum(generator.integers(1, 4, 2000)).tolist():
        if generator.random() < 0.02:
            level = float(generator.integers(0, 60)) * (generator.random() < 0.7)
        running = max(0, target - int(generator.integers(0, 2)))
        monkeypatch.setattr(serve.time, "time", lambda now=now: float(now))
        seen = SimpleNamespace(
            current_num_replicas=running,
            target_num_replicas=target,
            total_num_requests=level,
            config=config,
            policy_state=state,
        )
        theirs, state = policy(seen)
        assert ours.decide(level, running, target, float(now)) == theirs
        changes += theirs != target
        target = min(20, theirs)
    assert changes > 5
