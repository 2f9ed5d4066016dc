"""The fit of the performance law: physical coefficients, the correction, and the margins of its intervals."""

import json
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from sizing_rows import Measured
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold

from rorqual_engine.sizing.performance.artefact import FORMAT, METRICS, Artefact, parse, slot_names
from rorqual_engine.sizing.performance.coefficients import GUESSES, SPREADS, matrix_of
from rorqual_engine.sizing.performance.correction import FIGURES, figures_of, terms_of
from rorqual_engine.sizing.performance.law import values
from rorqual_engine.sizing.performance.physics import FREE_OVERLOAD, physical_law
from rorqual_engine.sizing.performance.points import Points
from rorqual_engine.sizing.performance.prediction import Array
from rorqual_engine.sizing.performance.work import work_of

TTFT_WEIGHT = 0.3**2
"""Of a TTFT's squared error beside a TPOT's: it is noisier."""
ROBUST = 0.08
"""Log error of the physical law from which on a row counts less than by its square."""
CORRECTION_ROBUST = 0.15
"""The same for the correction."""
WORST = 1.5
"""Log errors beyond this are cut: they are start-up artefacts, not the law's."""
RIDGES = (30.0, 100.0, 300.0, 1000.0)


@dataclass(frozen=True, slots=True)
class Errors:
    """Logarithm of measured over predicted, out of fold; one entry a row."""

    ttft: Array
    tpot: Array
    throughput: Array
    full: Array
    """Whether requests waited for a place."""

    def of(self, metric: str) -> Array:
        found: Array = getattr(self, metric)
        return found


def part_of(points: Points, places: Array) -> Points:
    return Points(np.ascontiguousarray(points.table[:, places]))


def fit(data: Measured, places: Array) -> dict[str, object]:
    """Coefficients and corrections from those rows; margins are still missing."""
    points = part_of(data.points, places)
    ttft, tpot = np.log(data.ttft[places]), np.log(data.tpot[places])
    groups = data.groups[places]
    weights = _balance(groups)
    logarithms = _fit_physics(points, ttft, tpot, weights)
    work = work_of(points)
    parts = physical_law(points, work, matrix_of(logarithms))
    figures = figures_of(points, work, parts)
    clusters = np.array(
        [
            f"{group} {data.rows[place]['backend']} {data.rows[place]['backend_version']}"
            for group, place in zip(groups, places, strict=True)
        ]
    )
    return {
        "format": FORMAT,
        "figures": list(FIGURES),
        "coefficients": dict(zip(slot_names(), _rounded(logarithms), strict=True)),
        "ttft": _fit_correction(figures, ttft - np.log(parts.ttft), weights, groups, clusters),
        "tpot": _fit_correction(figures, tpot - np.log(parts.tpot), weights, groups, clusters),
    }


def artefact_of(numbers: dict[str, object], margins: dict[str, object] | None = None) -> Artefact:
    """The numbers as the law uses them, with empty margins where none are given."""
    empty = {metric: [0.0, 0.0] for metric in METRICS}
    return parse(json.dumps({"version": "", **numbers, "margins": margins or {"free": empty, "full": empty}}))


def cross_validate(data: Measured, groups: Array) -> tuple[Array, Array, Array]:
    """TTFT, TPOT and overload of every row, each predicted by a fit on the other groups' distinct rows."""
    distinct = data.distinct()
    found = np.zeros((3, len(data.rows)))
    for group in sorted(set(groups)):
        held = np.flatnonzero(groups == group)
        artefact = artefact_of(fit(data, distinct[groups[distinct] != group]))
        found[:, held] = values(part_of(data.points, held), artefact)
    return found[0], found[1], found[2]


def errors_of(data: Measured, predicted: tuple[Array, Array, Array]) -> Errors:
    ttft, tpot, overload = predicted
    rate = data.points["concurrency"] / (ttft + tpot * (data.points["output_tokens"] - 1.0))
    return Errors(
        np.log(data.ttft / ttft), np.log(data.tpot / tpot), np.log(data.rate / rate), overload > FREE_OVERLOAD
    )


def margins_of(errors: Errors, places: Array) -> dict[str, dict[str, list[float]]]:
    """Split conformal bounds of 90 %: the errors' finite-sample quantiles, apart where requests waited for a place."""
    margins = {}
    for name, chosen in (("free", ~errors.full), ("full", errors.full)):
        kept = places[chosen[places]]
        margins[name] = {metric: _bounds(errors.of(metric)[kept]) for metric in METRICS}
    return margins


def _bounds(errors: Array) -> list[float]:
    count = len(errors)
    reach = min(0.95 * (count + 1) / count, 1.0)
    return _rounded(np.quantile(errors, [1.0 - reach, reach]))


def _fit_physics(points: Points, ttft: Array, tpot: Array, weights: Array) -> Array:
    """The most likely coefficients: normal priors, and errors whose square flattens to its root (soft L1)."""
    work = work_of(points)
    weigh = np.concatenate([weights, TTFT_WEIGHT * weights])

    def residuals(logarithms: Array) -> Array:
        parts = physical_law(points, work, matrix_of(logarithms))
        errors = [np.log(parts.tpot) - tpot, np.log(parts.ttft) - ttft]
        return np.concatenate([*errors, ROBUST * (logarithms - GUESSES) / SPREADS])

    def loss(squares: Array) -> Array:
        """Value, first and second derivative for each row: soft L1 for errors, the plain square for priors."""
        root = np.sqrt(1.0 + squares[: len(weigh)])
        plain = squares[len(weigh) :]
        return np.array(
            [
                np.concatenate([2.0 * weigh * (root - 1.0), plain]),
                np.concatenate([weigh / root, np.ones_like(plain)]),
                np.concatenate([-0.5 * weigh / root**3, np.zeros_like(plain)]),
            ]
        )

    found: Array = least_squares(residuals, GUESSES, loss=loss, f_scale=ROBUST, max_nfev=25).x
    return found


def _fit_correction(figures: Array, errors: Array, weights: Array, groups: Array, clusters: Array) -> dict[str, object]:
    """A robust ridge on what is left of the errors once each cluster's median is taken off."""
    left = np.clip(errors, -WORST, WORST)
    for cluster in sorted(set(clusters)):
        left[clusters == cluster] -= np.median(left[clusters == cluster])
    mean, scale = figures.mean(axis=0), figures.std(axis=0) + 1e-9
    terms = terms_of(figures, mean, scale)
    spread = terms.std(axis=0) + 1e-9
    ridge = _best_ridge(terms / spread, left, weights, groups)
    found = _robust_ridge(terms / spread, left, weights, ridge) / spread
    return {"ridge": ridge, "mean": _rounded(mean), "scale": _rounded(scale), "weights": _rounded(found)}


def _best_ridge(terms: Array, errors: Array, weights: Array, groups: Array) -> float:
    """Chosen inside the training rows, by folds over their groups."""

    def loss(ridge: float) -> float:
        total = 0.0
        for train, test in GroupKFold(5).split(terms, errors, groups):
            found = _robust_ridge(terms[train], errors[train], weights[train], ridge)
            total += float(np.sum(weights[test] * np.abs(errors[test] - terms[test] @ found)))
        return total

    return min(RIDGES, key=loss)


def _robust_ridge(terms: Array, errors: Array, weights: Array, ridge: float) -> Array:
    """Ridge reweighted towards the least absolute error."""
    least = CORRECTION_ROBUST / 3
    model, reweighted = Ridge(ridge, fit_intercept=False, solver="cholesky"), weights
    for _ in range(4):
        model.fit(terms, errors, sample_weight=reweighted)
        reweighted = weights * least / np.maximum(np.abs(errors - model.predict(terms)), least)
    found: Array = model.coef_
    return found


def _balance(groups: Array) -> Array:
    """Rows of a group of n weigh n^-1/4: nearer to one voice a row than to one a group."""
    _, places, counts = np.unique(groups, return_inverse=True, return_counts=True)
    weights = counts[places] ** -0.25
    balanced: Array = weights / weights.mean()
    return balanced


def _rounded(numbers: Array) -> list[float]:
    """Seven digits: more than the fit knows, few enough to come out the same on every machine."""
    return [float(f"{number:.7g}") for number in numbers]
