"""NVIDIA Dynamo's planner with optimization_target sla, aggregated serving: load, throughput, and both together.

Source: ai-dynamo/dynamo, dynamo/planner/core/load_scaling.py (_advance_load_agg, _agg_prefill_scaling,
_agg_decode_scaling, _scale_decision), throughput_scaling.py (_throughput_agg) and state_machine.py of the package
ai-dynamo 1.4.2; defaults in config/defaults.py. Against short descriptions: up needs every engine above one and the
same objective; the share of 0.8 is taken of the queue's part of TTFT alone, ITL's of the whole; in aggregated serving
there is no floor by TTFT, and no correction factor, which older planners had. With both modes on the throughput planner
only sets a floor under the load planner. The cap by max_gpu_budget is the runner's max_replicas.
"""

import math

from rorqual_engine.simulation.policy import Decision, Facts, View
from rorqual_engine.simulation.rivals.predictors import PREDICTORS
from rorqual_engine.simulation.rivals.step_regression import Engine, StepRegression

LOAD_SECONDS = 5.0
THROUGHPUT_SECONDS = 180.0
SENSITIVITY = 0.8
SEARCH_LOAD: dict[str, tuple[float, ...]] = {"sensitivity": (0.8, 0.5, 0.65, 0.9), "interval_seconds": (5, 15, 30)}
SEARCH_THROUGHPUT: dict[str, tuple[float, ...]] = {"throughput_seconds": (180, 30, 60, 120, 300)}
SEARCH: dict[str, tuple[float, ...]] = {**SEARCH_LOAD, **SEARCH_THROUGHPUT}


class LoadPlanner:
    """One step by what each engine's latency would be; `None` while it only observes."""

    def __init__(self, facts: Facts, regression: StepRegression, sensitivity: float) -> None:
        self._facts, self._regression, self._sensitivity = facts, regression, sensitivity

    def step(self, view: View) -> int | None:
        """-1, 0 or 1."""
        engines = self._regression.observe(view)
        if view.ready != view.asked or view.missing or not engines or not self._regression.ready:
            return None
        if self._all_late(engines):
            return 1
        return -1 if len(engines) > 1 and all(self._can_take_more(e, len(engines)) for e in engines) else 0

    def _all_late(self, engines: list[Engine]) -> bool:
        ttft = [self._regression.ttft(e.queued_prefill_tokens, e.step.decode_kv_tokens) for e in engines]
        itl = [self._regression.itl(e.step.decode_kv_tokens) for e in engines]
        return bool(min(ttft) > self._facts.ttft_seconds or min(itl) > self._facts.itl_seconds)

    def _can_take_more(self, engine: Engine, engines: int) -> bool:
        """Whether it keeps the objectives with its share of the load of one engine that goes."""
        more = engines / (engines - 1)
        kv, queued = engine.step.decode_kv_tokens * more, engine.queued_prefill_tokens * more
        if kv + queued >= self._facts.kv_tokens:
            return False
        own = self._regression.ttft(0.0, kv)
        budget = (self._facts.ttft_seconds - own) * self._sensitivity
        in_time = budget > 0 and self._regression.ttft(queued, kv) - own < budget
        return in_time and self._regression.itl(kv + queued) < self._facts.itl_seconds * self._sensitivity


class ThroughputPlanner:
    """Predicted requests over the best rate of one engine."""

    def __init__(self, regression: StepRegression, predictor: str, seconds: float) -> None:
        if predictor not in PREDICTORS:
            raise ValueError(f"dynamo: predictor must be one of {', '.join(PREDICTORS)}, found {predictor!r}")
        self._regression, self._seconds = regression, seconds
        self._requests, self._input, self._output = (PREDICTORS[predictor]() for _ in range(3))
        self._next = seconds

    def replicas(self, view: View) -> int | None:
        """At least 1; None between two turns and while nothing is known."""
        if view.now < self._next - 1e-6:
            return None
        self._next = view.now + self._seconds
        window = view.history.window(self._seconds)
        self._requests.add(window.counts["arrived"])
        self._input.add(math.nan if window.input_tokens is None else window.input_tokens)
        self._output.add(math.nan if window.output_tokens is None else window.output_tokens)
        rate = self._regression.best_rate(self._input.predict(), self._output.predict())
        if rate is None or window.seconds <= 0:
            return None
        return max(math.ceil(self._requests.predict() / window.seconds / rate.requests_per_second), 1)


class DynamoSLALoad:
    """Load mode alone."""

    def __init__(
        self, facts: Facts, *, sensitivity: float = SENSITIVITY, interval_seconds: float = LOAD_SECONDS
    ) -> None:
        self.interval_seconds = interval_seconds
        self._load = LoadPlanner(facts, StepRegression(facts), sensitivity)

    def decide(self, view: View) -> Decision:
        step = self._load.step(view)
        return Decision(view.asked + (step or 0), "observing" if step is None else "load")


class DynamoThroughput:
    """Throughput mode alone: the source's default."""

    def __init__(
        self, facts: Facts, *, predictor: str = "arima", throughput_seconds: float = THROUGHPUT_SECONDS
    ) -> None:
        self.interval_seconds = LOAD_SECONDS
        self._regression = StepRegression(facts)
        self._throughput = ThroughputPlanner(self._regression, predictor, throughput_seconds)

    def decide(self, view: View) -> Decision:
        self._regression.observe(view)
        replicas = self._throughput.replicas(view)
        return Decision(view.asked, "between turns") if replicas is None else Decision(replicas, "throughput")


class DynamoSLA:
    """Both modes: the load planner above the throughput planner's floor."""

    def __init__(
        self,
        facts: Facts,
        *,
        predictor: str = "arima",
        sensitivity: float = SENSITIVITY,
        throughput_seconds: float = THROUGHPUT_SECONDS,
        interval_seconds: float = LOAD_SECONDS,
    ) -> None:
        self.interval_seconds = interval_seconds
        regression = StepRegression(facts)
        self._load = LoadPlanner(facts, regression, sensitivity)
        self._throughput = ThroughputPlanner(regression, predictor, throughput_seconds)
        self._floor = 1

    def decide(self, view: View) -> Decision:
        """The load planner turns first, with the floor as of the last throughput turn."""
        step = self._load.step(view)
        replicas = view.asked if step is None else max(view.asked + step, self._floor)
        self._floor = self._throughput.replicas(view) or self._floor
        return Decision(replicas, f"load {step or 0:+d} above the floor of the last turn")
