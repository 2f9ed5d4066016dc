"""Isolation forest (Liu, Ting and Zhou 2008): what few random cuts set apart is unusual.

Fitted by scikit-learn (extra `detect`); stored and scored as plain arrays.
"""

from typing import Any, Self

import numpy as np

from rorqual_engine.detection.detectors.base import Array, DetectorError, State, check, evidence
from rorqual_engine.detection.detectors.scale import Scale

TREES, SAMPLES = 100, 256
_EULER = 0.5772156649


class IsolationForest:
    """Minus the logarithm of what is left of a score of 1: 0.5, as usual points have, is 0.69."""

    name = "isolation-forest"

    def __init__(self) -> None:
        self._scale: Scale | None = None
        self._trees: dict[str, Array] = {}

    def fit(self, history: Array, random: np.random.Generator) -> Self:
        try:
            from sklearn.ensemble import IsolationForest as Forest
        except ImportError as error:
            raise DetectorError("isolation-forest: needs scikit-learn: pip install 'rorqual[detect]'") from error
        found = check(history)
        self._scale = Scale.of(found)
        standard = np.nan_to_num(self._scale.apply(found))
        seed = int(random.integers(2**31))
        forest = Forest(n_estimators=TREES, max_samples=min(SAMPLES, len(found)), random_state=seed).fit(standard)
        self._trees = _stacked([one.tree_ for one in forest.estimators_], min(SAMPLES, len(found)))
        return self

    def score_samples(self, samples: Array) -> Array:
        standard = np.nan_to_num(self._known.apply(samples))
        depth = self._paths(standard) / len(self._trees["roots"])
        score = 2.0 ** -(depth / float(self._trees["usual"][0]))
        found: Array = -np.log1p(-np.clip(score, 0.0, 1.0 - 1e-9))
        return found

    def contributions(self, samples: Array) -> Array:
        """The score, divided by the metrics' deviations: a forest does not tell whose cuts mattered."""
        deviations = evidence(self._known.apply(samples))
        share = deviations / np.maximum(deviations.sum(axis=1, keepdims=True), 1e-12)
        found: Array = share * self.score_samples(samples)[:, None]
        return found

    def _paths(self, standard: Array) -> Array:
        """Sum of path lengths over the trees."""
        trees = self._trees
        rows = np.arange(len(standard))
        depth = np.zeros(len(standard))
        for root in trees["roots"].astype(np.int64):
            node = np.full(len(standard), root)
            while True:
                feature = trees["feature"][node].astype(np.int64)
                inner = feature >= 0
                if not inner.any():
                    break
                at = rows[inner]
                left = standard[at, feature[inner]] <= trees["threshold"][node[inner]]
                node[inner] = np.where(left, trees["left"][node[inner]], trees["right"][node[inner]]).astype(np.int64)
                depth[at] += 1.0
            depth += trees["rest"][node]
        return depth

    def state(self) -> State:
        return {**{f"scale.{name}": value for name, value in self._known.state().items()}, **self._trees}

    def restore(self, state: State) -> Self:
        self._scale = Scale.restore({key: state[f"scale.{key}"] for key in ("centre", "deviation", "told")})
        self._trees = {name: value for name, value in state.items() if not name.startswith("scale.")}
        return self

    @property
    def _known(self) -> Scale:
        if self._scale is None:
            raise RuntimeError("fit or restore comes before scores")
        return self._scale


def _stacked(trees: list[Any], samples: int) -> dict[str, Array]:
    """All nodes in one row; `rest` is the path length that is expected below a leaf."""
    roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
    moved = [(tree, root) for tree, root in zip(trees, roots, strict=True)]
    return {
        "roots": roots.astype(np.float64),
        "feature": np.concatenate([tree.feature for tree in trees]).astype(np.float64),
        "threshold": np.concatenate([tree.threshold for tree in trees]),
        "left": np.concatenate([tree.children_left + root for tree, root in moved]).astype(np.float64),
        "right": np.concatenate([tree.children_right + root for tree, root in moved]).astype(np.float64),
        "rest": np.concatenate([_usual_path(tree.n_node_samples) for tree in trees]),
        "usual": _usual_path(np.array([samples])),
    }


def _usual_path(samples: Any) -> Array:
    """Mean path length of an unsuccessful search in a binary tree of so many."""
    count = np.maximum(np.asarray(samples, dtype=np.float64), 1.0)
    long = 2.0 * (np.log(np.maximum(count - 1.0, 1.0)) + _EULER) - 2.0 * (count - 1.0) / count
    found: Array = np.where(count <= 1, 0.0, np.where(count == 2, 1.0, long))
    return found
