"""How right the sizing is: memory, latency and throughput, the recommended concurrency, and the time that it takes.

    python bench/sizing.py --data FILE... [--json] [--rival-curves N] [--rival-environment DIR]

Files hold start-ups of vLLM (kv_cache_gib...), operating points (silicon_ttft_ms...) or static batches (those of the
shared data). Nothing is fitted on what it scores: where the operating points are the ones that the shipped artefact was
fitted on, each (architecture, GPU) group is predicted by a fit on the others; else by the shipped artefact. Rows of a
model, GPU or runtime that is not known are listed under `unknown`, and so are figures that are none.
AIConfigurator answers for whole curves, evenly chosen, as it takes about a second a row.
"""

import argparse
import hashlib
import json
import platform
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sizing_fit import Errors, cross_validate, errors_of, margins_of
from sizing_memory import is_campaign, score_memory
from sizing_regret import Curve, Speeds, at_most, by_speeds, curves_of, enova_limit, regrets
from sizing_rivals import Estimates, ask_aiconfigurator
from sizing_rows import COLUMNS, Measured, is_performance, read
from sizing_static import is_static, score_static
from sizing_time import predict_ms, search_ms

from rorqual_engine.sizing.objectives import CONFIDENCE
from rorqual_engine.sizing.performance import artefact
from rorqual_engine.sizing.performance.artefact import Margins
from rorqual_engine.sizing.performance.law import margins_at, values
from rorqual_engine.sizing.performance.physics import roofline
from rorqual_engine.sizing.performance.prediction import INTERVAL_DEVIATIONS, Array

METRICS = ("tpot", "ttft", "throughput")
CONFIDENCES = (0.5, 0.7, 0.9)
VLLM_SEQUENCES = 1024
"""Its default on every GPU of the measured rows."""
Figures = dict[str, object]


def main() -> int:
    options = _options()
    campaigns = [file for file in options.data if is_campaign(file)]
    static = [file for file in options.data if is_static(file)]
    files = [file for file in options.data if file not in (*campaigns, *static)]
    for file in files:
        if not is_performance(file):
            raise SystemExit(f"{file}: expected the columns {', '.join(COLUMNS)}, or those of the other shared data")
    report: Figures = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "artefact": artefact.checksum(),
    }
    unknown: Counter[str] = Counter()
    for file in campaigns:
        figures, lacking = score_memory(file)
        report.update(figures)
        unknown.update(lacking)
    for file in static:
        found, missing = score_static(file)
        report[f"static {file.stem}"] = found
        unknown.update(missing)
    if files:
        data, missing = read(files)
        unknown.update(missing)
        if data.rows:
            report.update(score_performance(data, files, options))
    report.update(predict_ms=predict_ms(), search_ms=search_ms(), unknown=dict(unknown))
    print(json.dumps(report, indent=1) if options.json else _lines(report))
    return 0


def score_performance(data: Measured, files: list[Path], options: argparse.Namespace) -> Figures:
    """Errors, coverage and regret of the law, and of its rivals on the same rows."""
    own = artefact.fitted_on() == [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    predicted = cross_validate(data, data.groups) if own else values(data.points, artefact.shipped())
    errors = errors_of(data, predicted)
    every = np.arange(len(data.rows))
    curves = curves_of(data)
    ours = Speeds(predicted[0], predicted[1], *(_spreads(data, errors, metric, own) for metric in ("ttft", "tpot")))
    figures: Figures = {
        "method": "leave one (architecture, GPU) group out" if own else "shipped artefact, fitted on other rows",
        **_errors(errors, every),
        **_coverage(data, errors, own),
        **_regret(regrets(data, curves, by_speeds(data, ours, CONFIDENCE))),
        "confidence": CONFIDENCE,
        "regret_by_confidence": {
            str(share): _regret(regrets(data, curves, by_speeds(data, ours, share))) for share in CONFIDENCES
        },
        "curves": len(curves),
        "repeat_mdape": _repeats(data),
        "by_group": {str(g): _errors(errors, np.flatnonzero(data.groups == g)) for g in sorted(set(data.groups))},
        "rivals": _rivals(data, curves, ours, errors, options),
    }
    if own and options.by_model_name:
        figures["by_model_name"] = _errors(errors_of(data, cross_validate(data, data.named)), every)
    return figures


def _rivals(data: Measured, curves: list[Curve], ours: Speeds, errors: Errors, options: argparse.Namespace) -> Figures:
    every = np.arange(len(data.rows))
    plain = Speeds(*roofline(data.points))
    found: Figures = {
        "roofline": {
            **_errors(errors_of(data, (plain.ttft, plain.tpot, every * 0.0)), every),
            **_regret(regrets(data, curves, by_speeds(data, plain, CONFIDENCE))),
        },
        "vllm_default": _regret(regrets(data, curves, at_most(data, lambda _: VLLM_SEQUENCES))),
        "enova": _regret(
            regrets(data, curves, at_most(data, lambda place: enova_limit(data.points["parameters"][place])))
        ),
    }
    if options.rival_curves:
        chosen = [curves[int(at)] for at in np.linspace(0, len(curves) - 1, min(options.rival_curves, len(curves)))]
        asked = sorted({place for curve in chosen for place in curve.places})
        answer = ask_aiconfigurator(data, asked, options.rival_environment)
        found["aiconfigurator"] = answer if isinstance(answer, str) else _beside(data, chosen, ours, errors, answer)
    return found


def _beside(data: Measured, curves: list[Curve], ours: Speeds, errors: Errors, its: Estimates) -> Figures:
    """AIConfigurator and the law on the rows that it has an answer for."""
    places = np.flatnonzero(np.isfinite(its.ttft) & np.isfinite(its.tpot))
    answered = [curve for curve in curves if set(curve.places) <= set(places.tolist())]
    with np.errstate(invalid="ignore"):
        theirs = errors_of(data, (its.ttft, its.tpot, np.zeros(len(data.rows))))
    return {
        "asked": its.asked,
        "answered": its.answered,
        "refusals": its.refusals,
        "predict_ms": its.seconds_each * 1e3,
        **_errors(theirs, places),
        "held_by_the_laws_margins": _held(theirs, errors.full, data, places),
        **_regret(regrets(data, answered, by_speeds(data, Speeds(its.ttft, its.tpot), CONFIDENCE))),
        "rorqual_on_the_same": {
            **_errors(errors, places),
            **_regret(regrets(data, answered, by_speeds(data, ours, CONFIDENCE))),
            "as_sure_as_it": _regret(
                regrets(data, answered, by_speeds(data, Speeds(ours.ttft, ours.tpot), CONFIDENCE))
            ),
        },
    }


def _errors(errors: Errors, places: Array) -> Figures:
    """Median absolute percentage errors."""
    if not len(places):
        return {"n": 0}
    found: Figures = {
        f"{metric}_mdape": float(np.median(np.abs(np.exp(-errors.of(metric)[places]) - 1.0))) for metric in METRICS
    }
    return {**found, "n": len(places)}


def _held(its: Errors, full: Array, data: Measured, places: Array) -> Figures:
    """Share of another's errors that the shipped artefact's 90 % margins hold."""
    shares = {}
    for metric in METRICS:
        low, high = margins_at(metric, full[places], data.points["doubt"][places], artefact.shipped())
        found = its.of(metric)[places]
        shares[metric] = float(np.mean((found >= low) & (found <= high)))
    return shares


def _coverage(data: Measured, errors: Errors, own: bool) -> Figures:
    """Share of rows inside their 90 % intervals; a group's margins come from the other groups' errors."""
    inside = {metric: np.zeros(len(data.rows), dtype=bool) for metric in METRICS}
    for group in sorted(set(data.groups)):
        held = data.groups == group
        used = artefact.shipped()
        if own:
            margins = margins_of(errors, np.flatnonzero(~held))
            used = replace(used, free=as_margins(margins["free"]), full=as_margins(margins["full"]))
        for metric in METRICS:
            low, high = margins_at(metric, errors.full[held], data.points["doubt"][held], used)
            found = errors.of(metric)[held]
            inside[metric][held] = (found >= low) & (found <= high)
    shares = {f"{metric}_coverage_90": float(np.mean(inside[metric])) for metric in METRICS}
    return {"coverage_90": float(np.mean(list(shares.values()))), **shares}


def as_margins(margins: dict[str, list[float]]) -> Margins:
    return {metric: (bounds[0], bounds[1]) for metric, bounds in margins.items()}


def _regret(found: Array) -> Figures:
    if not len(found):
        return {"regret_n": 0}
    return {
        "regret_p50": float(np.quantile(found, 0.5)),
        "regret_p90": float(np.quantile(found, 0.9)),
        "regret_mean": float(np.mean(found)),
        "regret_n": len(found),
    }


def _repeats(data: Measured) -> Figures:
    """The noise floor: how far one measurement is from another of the same deployment, version and load."""
    seen: dict[bytes, list[int]] = {}
    for place in data.distinct():
        key = data.points.table[:, place].tobytes() + data.rows[place]["backend_version"].encode()
        seen.setdefault(key, []).append(int(place))
    pairs = np.array([(a, b) for places in seen.values() for a in places for b in places if a != b])
    if not len(pairs):
        return {"pairs": 0}
    first, second = pairs.T
    found: Figures = {
        name: float(np.median(np.abs(measured[first] / measured[second] - 1.0)))
        for name, measured in (("tpot", data.tpot), ("ttft", data.ttft))
    }
    return {**found, "pairs": len(pairs)}


def _spreads(data: Measured, errors: Errors, metric: str, own: bool) -> Array:
    """For each row the standard deviation that its interval amounts to; a group's comes from the others' errors."""
    found = np.zeros(len(data.rows))
    for group in sorted(set(data.groups)):
        held = data.groups == group
        low, high = (margins_of(errors, np.flatnonzero(~held))["free"] if own else artefact.shipped().free)[metric]
        found[held] = (high - low) / (2 * INTERVAL_DEVIATIONS)
    return np.hypot(found, data.points["doubt"])


def _lines(report: Figures, indent: str = "") -> str:
    """The report as indented lines; rates in percent are left as fractions, as in the JSON."""
    lines = []
    for name, value in report.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", _lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {value:.4g}" if isinstance(value, float) else f"{indent}{name}: {value}")
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--by-model-name", action="store_true", help="cross-validate by the file's model names, too")
    parser.add_argument("--rival-curves", type=int, default=20, help="curves that AIConfigurator is asked; 0: none")
    parser.add_argument(
        "--rival-environment", type=Path, default=Path(tempfile.gettempdir()) / "rorqual-aiconfigurator"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
