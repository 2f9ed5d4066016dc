"""One search, with all that the command shows of it."""

from dataclasses import dataclass, replace

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.fleet import Inventory
from rorqual_engine.plan import Reason, Recommendation, Stall
from rorqual_engine.sizing.explain import why_not
from rorqual_engine.sizing.oracle import Consultation, PerformanceOracle, consult
from rorqual_engine.sizing.recommend import Case, ask, by_answer, read_case, recommend
from rorqual_engine.sizing.search import Answer, search
from rorqual_engine.snapshot import ModelConfig

EMPTY = Inventory.of(())
"""Offline: no node is known, so the catalog says how many GPUs a node has."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is recommended, and everything else that was considered."""

    name: str
    spec: LLMServiceSpec
    case: Case
    recommendation: Recommendation
    answer: Answer
    consultation: Consultation | None = None
    """Where another predictor than the law was asked, too."""

    @property
    def possible(self) -> bool:
        """Whether all objectives can be met with the confidence asked for."""
        return self.recommendation.problem is None

    def why_not(self, place: int) -> str:
        """Why the alternative at that place was not taken; empty for the one recommended."""
        other = self.answer.alternatives[place]
        best = self.answer.alternatives[0]
        if other.configuration == self.recommendation.configuration:
            return ""
        return why_not(best, other) if place else "not the first that fits: give objectives to choose by speed and cost"


def make_report(
    name: str,
    spec: LLMServiceSpec,
    confidence: float | None = None,
    config: ModelConfig | None = None,
    oracle: PerformanceOracle | None = None,
) -> Report | Stall:
    """Sizes a spec without a cluster, by the law and by an oracle where there is one, with a config.json from outside.

    A Stall tells why it cannot be sized.
    """
    case = read_case(spec, EMPTY, None, config)
    if isinstance(case, Stall):
        return case
    if confidence is not None:
        case = case.with_confidence(confidence)
    recommendation = recommend(case)
    if isinstance(recommendation, Stall):
        return recommendation
    report = Report(name, spec, case, recommendation, search(ask(case)))
    return report if oracle is None else _by_oracle(report, oracle)


def _by_oracle(report: Report, oracle: PerformanceOracle) -> Report:
    """The report with the oracle's ranking; as it is where nothing is known of any speed."""
    consultation = consult(ask(report.case), report.answer, oracle)
    answer = consultation.answer
    if answer.best is None:
        return report
    recommendation = by_answer(report.case, answer, answer.best)
    return replace(report, recommendation=recommendation, answer=answer, consultation=consultation)


def problem(report: Report) -> str:
    """What is wrong with a recommendation, in words; empty when nothing is."""
    reason: Reason | None = report.recommendation.problem
    return f"{reason}: {report.recommendation.explanation}" if reason else ""
