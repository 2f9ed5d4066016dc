"""Ray Serve's autoscaling of a deployment.

Source: ray-project/ray 2.60.0, python/ray/serve/autoscaling_policy.py (_apply_scaling_factors, _apply_delay_logic,
_get_cold_start_scale_up_replicas, replica_queue_length_autoscaling_policy) and serve/config.py for the defaults. A
test compares this restatement with those functions where ray is installed. Requests are the mean of what handles and
replicas hold over `look_back_period_s`, 30 s. Ray's loop turns every 0.1 s and measures delays by the clock; its
figures come every 10 s, so a turn a second decides the same.
"""

import math
from dataclasses import dataclass

from rorqual_engine.simulation.policy import Decision, Facts, View
from rorqual_engine.simulation.rivals.windows import TimeWindow

SEARCH: dict[str, tuple[float, ...]] = {
    "target_ongoing_requests": (2, 8, 16, 24, 32, 48, 64, 96),
    "upscale_delay_seconds": (30, 0, 10, 60),
    "downscale_delay_seconds": (600, 60, 120, 300),
    "look_back_seconds": (30, 10, 60),
}
_CLOCK_SLACK_SECONDS = 1e-6


@dataclass(frozen=True, slots=True)
class Settings:
    """AutoscalingConfig, with its defaults."""

    target_ongoing_requests: float = 2.0
    upscaling_factor: float = 1.0
    downscaling_factor: float = 1.0
    upscale_delay_seconds: float = 30.0
    downscale_delay_seconds: float = 600.0
    downscale_to_zero_delay_seconds: float | None = None


class Deployment:
    """The default policy with its configuration applied, and the state that it keeps between two turns."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._direction = 0
        self._since: float | None = None

    def decide(self, requests: float, running: int, target: int, now: float) -> int:
        """For `running` replicas that serve and `target` that are asked for; unbounded above."""
        if running == 0 and requests > 0:
            return max(math.ceil(self.settings.upscaling_factor), target)
        scaled = scale(self._desired(requests, running, target), running, self.settings)
        if running == 0 and scaled > 0:
            return scaled
        return self._delayed(max(0, scaled), target, now)

    def _desired(self, requests: float, running: int, target: int) -> float:
        """In Ray's order of operations: what is rounded up later depends on the last bit."""
        if running == 0:
            return float(target)
        return running * (requests / (self.settings.target_ongoing_requests * running))

    def _delayed(self, desired: int, target: int, now: float) -> int:
        direction = (desired > target) - (desired < target)
        if direction != self._direction or direction == 0:
            self._direction, self._since = direction, None
        if direction == 0:
            return target
        self._since = now if self._since is None else self._since
        if now - self._since + _CLOCK_SLACK_SECONDS < self._delay(direction, target):
            return target
        self._direction, self._since = 0, None
        return max(1, desired) if direction < 0 and target != 1 else desired

    def _delay(self, direction: int, target: int) -> float:
        if direction > 0:
            return self.settings.upscale_delay_seconds
        to_zero = self.settings.downscale_to_zero_delay_seconds
        return to_zero if target == 1 and to_zero is not None else self.settings.downscale_delay_seconds


def scale(desired: float, running: int, settings: Settings) -> int:
    """The part of the way that the factors go, rounded up; a decrease that they stop is of one replica."""
    if running == 0:
        return math.ceil(desired)
    factor = settings.upscaling_factor if desired > running else settings.downscaling_factor
    scaled = math.ceil(running + factor * (desired - running))
    return scaled - 1 if math.ceil(desired) < running and scaled == running else scaled


class RayServe:
    """Ongoing requests a replica, with delays."""

    def __init__(
        self,
        _facts: Facts,
        *,
        target_ongoing_requests: float = 2.0,
        upscaling_factor: float = 1.0,
        downscaling_factor: float = 1.0,
        upscale_delay_seconds: float = 30.0,
        downscale_delay_seconds: float = 600.0,
        downscale_to_zero_delay_seconds: float | None = None,
        look_back_seconds: float = 30.0,
        interval_seconds: float = 1.0,
    ) -> None:
        self.interval_seconds = interval_seconds
        self._ongoing = TimeWindow(look_back_seconds)
        self._deployment = Deployment(
            Settings(
                target_ongoing_requests,
                upscaling_factor,
                downscaling_factor,
                upscale_delay_seconds,
                downscale_delay_seconds,
                downscale_to_zero_delay_seconds,
            )
        )

    def decide(self, view: View) -> Decision:
        self._ongoing.add(view.now, view.in_flight)
        requests = self._ongoing.mean()
        replicas = self._deployment.decide(requests, view.ready, view.asked, view.now)
        return Decision(replicas, f"{requests:.3g} ongoing requests on {view.ready} replicas")
